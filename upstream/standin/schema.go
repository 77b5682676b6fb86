package standin

// schema makes the tables of Faveo v2.0.3 that a gateway reads, columns in their order and with the types that MariaDB
// declares (SCHEMA.md; the migrations for teams and team_assign_agent): who reads the file decides from the declared type
// what is a number, a text or a date. Names and addresses of users compare without regard to case, as in Faveo's
// collation. Foreign keys are left out.
// SQLite takes a word behind a length only when the whole type is quoted.
const schema = `
CREATE TABLE users (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  user_name varchar(255) COLLATE NOCASE NULL,
  first_name varchar(255) NULL,
  last_name varchar(255) NULL,
  gender tinyint(1) NOT NULL DEFAULT 0,
  email varchar(255) COLLATE NOCASE NULL UNIQUE,
  ban tinyint(1) NOT NULL DEFAULT 0,
  password varchar(255) NULL,
  active int(11) NOT NULL,
  is_delete tinyint(1) NOT NULL DEFAULT 0,
  ext varchar(255) NULL,
  country_code int(11) NULL,
  phone_number varchar(255) NULL,
  mobile varchar(255) NULL UNIQUE,
  agent_sign text NULL,
  account_type varchar(255) NULL,
  account_status varchar(255) NULL,
  assign_group "int(10) unsigned" NULL,
  primary_dpt "int(10) unsigned" NULL,
  agent_tzone varchar(255) NULL,
  daylight_save varchar(255) NULL,
  limit_access varchar(255) NULL,
  directory_listing varchar(255) NULL,
  vacation_mode varchar(255) NULL,
  company varchar(255) NULL,
  role varchar(255) NULL,
  internal_note varchar(255) NULL,
  profile_pic varchar(255) NULL,
  remember_token varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL,
  user_language varchar(255) NULL
);
CREATE TABLE settings_system (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  status tinyint(1) NOT NULL DEFAULT 0,
  url varchar(255) NULL,
  name varchar(255) NULL,
  department varchar(255) NULL,
  page_size varchar(255) NULL,
  log_level varchar(255) NULL,
  purge_log varchar(255) NULL,
  api_enable int(11) NULL,
  api_key_mandatory int(11) NULL,
  api_key varchar(255) NULL,
  name_format varchar(255) NULL,
  time_farmat "int(10) unsigned" NULL,
  date_format "int(10) unsigned" NULL,
  date_time_format "int(10) unsigned" NULL,
  day_date_time varchar(255) NULL,
  time_zone "int(10) unsigned" NULL,
  content varchar(255) NULL,
  version varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE settings_security (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  lockout_message varchar(255) NULL,
  backlist_offender int(11) NOT NULL,
  backlist_threshold int(11) NOT NULL,
  lockout_period int(11) NOT NULL,
  days_to_keep_logs int(11) NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE tickets (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  ticket_number varchar(255) NULL,
  user_id "int(10) unsigned" NULL,
  dept_id "int(10) unsigned" NULL,
  team_id "int(10) unsigned" NULL,
  priority_id "int(10) unsigned" NULL,
  sla "int(10) unsigned" NULL,
  help_topic_id "int(10) unsigned" NULL,
  status "int(10) unsigned" NULL,
  rating tinyint(1) NOT NULL DEFAULT 0,
  ratingreply tinyint(1) NOT NULL DEFAULT 0,
  flags int(11) NOT NULL,
  ip_address int(11) NOT NULL,
  assigned_to "int(10) unsigned" NULL,
  lock_by int(11) NOT NULL,
  lock_at datetime NULL,
  source "int(10) unsigned" NULL,
  isoverdue int(11) NOT NULL,
  reopened int(11) NOT NULL,
  isanswered int(11) NOT NULL,
  html int(11) NOT NULL,
  is_deleted int(11) NOT NULL,
  closed int(11) NOT NULL,
  is_transferred tinyint(1) NOT NULL DEFAULT 0,
  transferred_at datetime NOT NULL,
  reopened_at datetime NULL,
  duedate datetime NULL,
  closed_at datetime NULL,
  last_message_at datetime NULL,
  last_response_at datetime NULL,
  approval int(11) NOT NULL,
  follow_up int(11) NOT NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE ticket_thread (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  ticket_id "int(10) unsigned" NULL,
  user_id "int(10) unsigned" NULL,
  poster varchar(255) NULL,
  source "int(10) unsigned" NULL,
  reply_rating int(11) NOT NULL,
  rating_count int(11) NOT NULL,
  is_internal tinyint(1) NOT NULL DEFAULT 0,
  title varchar(255) NULL,
  body longblob NULL,
  format varchar(255) NULL,
  ip_address varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE INDEX ticket_thread_ticket_id ON ticket_thread (ticket_id);
CREATE TABLE ticket_collaborator (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  isactive tinyint(1) NOT NULL DEFAULT 0,
  ticket_id "int(10) unsigned" NULL,
  user_id "int(10) unsigned" NULL,
  role varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE INDEX ticket_collaborator_ticket_id ON ticket_collaborator (ticket_id);
CREATE TABLE teams (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  name varchar(255) NULL,
  status tinyint(1) NOT NULL DEFAULT 0,
  team_lead "int(10) unsigned" NULL,
  assign_alert tinyint(1) NOT NULL DEFAULT 0,
  admin_notes varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE team_assign_agent (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  team_id "int(10) unsigned" NULL,
  agent_id "int(10) unsigned" NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE department (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  name varchar(255) NULL,
  type varchar(255) NULL,
  sla "int(10) unsigned" NULL,
  manager "int(10) unsigned" NULL,
  ticket_assignment varchar(255) NULL,
  outgoing_email varchar(255) NULL,
  template_set varchar(255) NULL,
  auto_ticket_response varchar(255) NULL,
  auto_message_response varchar(255) NULL,
  auto_response_email varchar(255) NULL,
  recipient varchar(255) NULL,
  group_access varchar(255) NULL,
  department_sign varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE organization (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  name varchar(255) NULL,
  phone varchar(255) NULL,
  website varchar(255) NULL,
  address varchar(255) NULL,
  head "int(10) unsigned" NULL,
  internal_notes varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE user_assign_organization (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  org_id "int(10) unsigned" NULL,
  user_id "int(10) unsigned" NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
CREATE TABLE user_additional_infos (
  id "int(10) unsigned" NOT NULL PRIMARY KEY,
  owner int(11) NOT NULL,
  service varchar(255) NULL,
  "key" varchar(255) NULL,
  value varchar(255) NULL,
  created_at timestamp NULL,
  updated_at timestamp NULL
);
`
