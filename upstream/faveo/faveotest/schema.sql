-- Faveo v2.0.3's tables as far as the gateway reads them (testdata/faveo-contract/SCHEMA.md), without foreign keys.
-- One statement ends at each semicolon at the end of a line.

CREATE TABLE users (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_name VARCHAR(255) NULL, first_name VARCHAR(255) NULL, last_name VARCHAR(255) NULL,
  gender TINYINT(1) NOT NULL DEFAULT 0,
  email VARCHAR(255) NULL,
  ban TINYINT(1) NOT NULL DEFAULT 0,
  password VARCHAR(255) NULL,
  active INT NOT NULL,
  is_delete TINYINT(1) NOT NULL DEFAULT 0,
  ext VARCHAR(255) NULL, country_code INT NULL, phone_number VARCHAR(255) NULL, mobile VARCHAR(255) NULL,
  agent_sign TEXT NULL, account_type VARCHAR(255) NULL, account_status VARCHAR(255) NULL,
  assign_group INT UNSIGNED NULL, primary_dpt INT UNSIGNED NULL,
  agent_tzone VARCHAR(255) NULL, daylight_save VARCHAR(255) NULL, limit_access VARCHAR(255) NULL,
  directory_listing VARCHAR(255) NULL, vacation_mode VARCHAR(255) NULL, company VARCHAR(255) NULL,
  role VARCHAR(255) NULL, internal_note VARCHAR(255) NULL, profile_pic VARCHAR(255) NULL,
  remember_token VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  user_language VARCHAR(255) NULL,
  UNIQUE KEY (email), UNIQUE KEY (mobile), KEY (assign_group), KEY (primary_dpt)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE settings_system (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  status TINYINT(1) NOT NULL DEFAULT 0,
  url VARCHAR(255) NULL, name VARCHAR(255) NULL, department VARCHAR(255) NULL, page_size VARCHAR(255) NULL,
  log_level VARCHAR(255) NULL, purge_log VARCHAR(255) NULL,
  api_enable INT NULL, api_key_mandatory INT NULL, api_key VARCHAR(255) NULL,
  name_format VARCHAR(255) NULL, time_farmat INT UNSIGNED NULL, date_format INT UNSIGNED NULL,
  date_time_format INT UNSIGNED NULL, day_date_time VARCHAR(255) NULL, time_zone INT UNSIGNED NULL,
  content VARCHAR(255) NULL, version VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE settings_security (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  lockout_message VARCHAR(255) NULL, backlist_offender INT NOT NULL, backlist_threshold INT NOT NULL,
  lockout_period INT NOT NULL, days_to_keep_logs INT NOT NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE user_additional_infos (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, owner INT NOT NULL,
  service VARCHAR(255) NULL, `key` VARCHAR(255) NULL, value VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE tickets (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ticket_number VARCHAR(255) NULL,
  user_id INT UNSIGNED NULL, dept_id INT UNSIGNED NULL, team_id INT UNSIGNED NULL, priority_id INT UNSIGNED NULL,
  sla INT UNSIGNED NULL, help_topic_id INT UNSIGNED NULL, status INT UNSIGNED NULL,
  rating TINYINT(1) NOT NULL DEFAULT 0, ratingreply TINYINT(1) NOT NULL DEFAULT 0,
  flags INT NOT NULL DEFAULT 0, ip_address INT NOT NULL DEFAULT 0,
  assigned_to INT UNSIGNED NULL,
  lock_by INT NOT NULL DEFAULT 0, lock_at DATETIME NULL,
  source INT UNSIGNED NULL,
  isoverdue INT NOT NULL DEFAULT 0, reopened INT NOT NULL DEFAULT 0, isanswered INT NOT NULL DEFAULT 0,
  html INT NOT NULL DEFAULT 0, is_deleted INT NOT NULL DEFAULT 0, closed INT NOT NULL DEFAULT 0,
  is_transferred TINYINT(1) NOT NULL DEFAULT 0, transferred_at DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  reopened_at DATETIME NULL, duedate DATETIME NULL, closed_at DATETIME NULL,
  last_message_at DATETIME NULL, last_response_at DATETIME NULL,
  approval INT NOT NULL DEFAULT 0, follow_up INT NOT NULL DEFAULT 0,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  KEY (user_id), KEY (dept_id), KEY (assigned_to), KEY (status)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE ticket_collaborator (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  isactive TINYINT(1) NOT NULL DEFAULT 0,
  ticket_id INT UNSIGNED NULL, user_id INT UNSIGNED NULL, role VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  KEY (ticket_id), KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE ticket_thread (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ticket_id INT UNSIGNED NULL, user_id INT UNSIGNED NULL, poster VARCHAR(255) NULL, source INT UNSIGNED NULL,
  reply_rating INT NOT NULL DEFAULT 0, rating_count INT NOT NULL DEFAULT 0, is_internal TINYINT(1) NOT NULL DEFAULT 0,
  title VARCHAR(255) NULL, body LONGBLOB NULL, format VARCHAR(255) NULL, ip_address VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  KEY (ticket_id), KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE teams (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NULL, status TINYINT(1) NOT NULL DEFAULT 0, team_lead INT UNSIGNED NULL,
  assign_alert TINYINT(1) NOT NULL DEFAULT 0, admin_notes VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE team_assign_agent (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  team_id INT UNSIGNED NULL, agent_id INT UNSIGNED NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  KEY (team_id), KEY (agent_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE department (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NULL, type VARCHAR(255) NULL, sla INT UNSIGNED NULL, manager INT UNSIGNED NULL,
  ticket_assignment VARCHAR(255) NULL, outgoing_email VARCHAR(255) NULL, template_set VARCHAR(255) NULL,
  auto_ticket_response VARCHAR(255) NULL, auto_message_response VARCHAR(255) NULL,
  auto_response_email VARCHAR(255) NULL, recipient VARCHAR(255) NULL, group_access VARCHAR(255) NULL,
  department_sign VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE organization (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NULL, phone VARCHAR(255) NULL, website VARCHAR(255) NULL, address VARCHAR(255) NULL,
  head INT UNSIGNED NULL, internal_notes VARCHAR(255) NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE user_assign_organization (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  org_id INT UNSIGNED NULL, user_id INT UNSIGNED NULL,
  created_at TIMESTAMP NULL, updated_at TIMESTAMP NULL,
  KEY (org_id), KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

INSERT INTO department (id, name, type) VALUES (1, 'Support', '1'), (2, 'Sales', '1'), (3, 'Operation', '1');

INSERT INTO teams (id, name, status) VALUES (1, 'Level 1 Support', 1), (2, 'Level 2 Support', 0), (3, 'Developer', 0);

INSERT INTO settings_system (id, status, url, department, version)
VALUES (1, 1, 'http://helpdesk.example.test', '1', 'v2.0.3');

INSERT INTO settings_security (id, lockout_message, backlist_offender, backlist_threshold, lockout_period, days_to_keep_logs)
VALUES (1, 'You have been locked out of application due to too many failed login attempts.', 0, 15, 15, 0);
