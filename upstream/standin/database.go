package standin

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// passwordHash is the hash of Password as PHP writes it: bcrypt of cost 10. All accounts have it, new ones too.
const passwordHash = "$2y$10$MQZnFzwpWA.U35MLLcIuOuLcfsivm6bu1RK4J2yS1R8qCwFAMTacy"

// databaseVersion is what settings_system says about the installation.
const databaseVersion = "v2.0.3"

// CreateDatabase makes a new SQLite file at path with Faveo's tables and the accounts and tickets that a new Faveo
// begins with, and returns its address as the gateway's configuration writes it: sqlite:///absolute/path. Every account
// has the password Password; demoadmin, demoagent and democlient are the users 1, 2 and 3. The file must not exist yet
// (errors.Is(err, fs.ErrExist)) and is readable for its owner only. On failure no file is left.
func CreateDatabase(ctx context.Context, path string) (address string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("create demo database: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("create demo database: %w", err)
	}
	err = file.Close()
	if err == nil {
		err = fill(ctx, path)
	}
	if err != nil {
		_ = os.Remove(path) // the first error is the one to report
		return "", fmt.Errorf("create demo database: %w", err)
	}
	return (&url.URL{Scheme: "sqlite", Path: filepath.ToSlash(path)}).String(), nil
}

// databaseFile is the path in an address of CreateDatabase, and "" of an empty one. It is false of anything else.
func databaseFile(address string) (path string, ok bool) {
	if address == "" {
		return "", true
	}
	parsed, err := url.Parse(address)
	if err != nil || !filepath.IsAbs(parsed.Path) || (&url.URL{Scheme: "sqlite", Path: parsed.Path}).String() != address {
		return "", false
	}
	return parsed.Path, true
}

// fill writes schema and rows.
func fill(ctx context.Context, path string) error {
	return transact(ctx, path, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		return apply(ctx, tx, differences(nil, seed().tables()))
	})
}

// table is rows of a table of the database. The columns of each row are those named, first of all id.
type table struct {
	name, columns string
	rows          [][]any
}

// tables are the whole data set, always the same tables in the same order.
func (d *dataset) tables() []table { return append(d.settingsTables(), d.dataTables()...) }

// settingsTables are the rows that Faveo's installer writes. The API key is there and not mandatory.
func (d *dataset) settingsTables() []table {
	at := datetime(d.installed)
	return []table{
		{
			"settings_system", "id,status,url,name,department,api_enable,api_key_mandatory,api_key,version,created_at,updated_at",
			[][]any{{1, 1, "http://helpdesk.example.test", "Demo helpdesk", "1", 1, 0, d.apiKey, databaseVersion, at, at}},
		},
		{
			"settings_security",
			"id,lockout_message,backlist_offender,backlist_threshold,lockout_period,days_to_keep_logs,created_at,updated_at",
			[][]any{{1, "You have been locked out of application due to too many failed login attempts.", 0, 15, 15, 0, at, at}},
		},
		{
			"department", "id,name,type,sla,created_at,updated_at",
			rows(d.departments, func(_ int, r named) []any { return []any{r.id, r.name, "1", 1, at, at} }),
		},
		{
			"teams", "id,name,status,created_at,updated_at",
			rows(d.teams, func(_ int, r named) []any { return []any{r.id, r.name, 1, at, at} }),
		},
		{
			"organization", "id,name,head,created_at,updated_at",
			rows(d.organizations, func(_ int, o organization) []any { return []any{o.id, o.name, o.head, at, at} }),
		},
		{
			"user_assign_organization", "id,org_id,user_id,created_at,updated_at",
			rows(d.members, func(i int, m member) []any { return []any{i + 1, m.organization, m.user, at, at} }),
		},
	}
}

func (d *dataset) dataTables() []table {
	return []table{
		{
			"users", "id,user_name,first_name,last_name,email,ban,password,active,is_delete,ext,country_code,phone_number," +
				"mobile,assign_group,primary_dpt,company,role,internal_note,created_at,updated_at",
			rows(d.users, func(_ int, u *user) []any {
				return []any{
					u.id, u.name, u.first, u.last, orNull(u.email), u.ban, passwordHash, u.active, u.deleted, orNull(u.ext),
					orNull(u.countryCode), orNull(u.phone), orNull(u.mobile), orNull(u.group()), orNull(u.department),
					orNull(u.company), u.role, orNull(u.note), datetime(u.created), datetime(u.updated),
				}
			}),
		},
		{
			"tickets", "id,ticket_number,user_id,dept_id,priority_id,sla,help_topic_id,status,flags,ip_address,assigned_to," +
				"lock_by,source,isoverdue,reopened,isanswered,html,is_deleted,closed,transferred_at,duedate,approval," +
				"follow_up,created_at,updated_at",
			rows(d.tickets, func(_ int, t *ticket) []any {
				return []any{
					t.id, t.number, t.owner, t.dept, t.priority, t.sla, t.topic, orNull(t.status), 0, 0, orNull(t.assignee),
					0, t.source, 0, 0, 0, 0, 0, 0, datetime(t.created), datetime(t.due), 0,
					0, datetime(t.created), datetime(t.updated),
				}
			}),
		},
		{
			"ticket_thread", "id,ticket_id,user_id,poster,source,reply_rating,rating_count,is_internal,title,body," +
				"created_at,updated_at",
			rows(d.threads, func(_ int, t *thread) []any {
				return []any{
					t.id, t.ticket, t.user, orNull(t.poster), orNull(t.source), 0, 0, t.internal, t.title, []byte(t.body),
					datetime(t.created), datetime(t.created),
				}
			}),
		},
		{
			"ticket_collaborator", "id,isactive,ticket_id,user_id,role,created_at,updated_at",
			rows(d.collaborators, func(_ int, c collaborator) []any {
				return []any{c.id, 1, c.ticket, c.user, "ccc", datetime(d.installed), datetime(d.installed)}
			}),
		},
	}
}

func rows[T any](from []T, columns func(i int, row T) []any) [][]any {
	all := make([][]any, len(from))
	for i, row := range from {
		all[i] = columns(i, row)
	}
	return all
}
