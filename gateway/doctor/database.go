package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (s Site) database() part {
	var server Server
	first := check{CheckDatabaseReachable, func(ctx context.Context) verdict {
		found, err := s.Database.Server(ctx)
		if err != nil {
			return failed("start the database, or correct faveo.database; without it nobody logs in", "%s", plain(err))
		}
		server = found
		return good("%s", server)
	}}
	rights := func(tables []Table) verdict { return readable(tables, server) }
	return part{
		name: PartDatabase, first: &first, silent: "the database does not answer",
		rest: []check{
			asks(CheckDatabaseTables, s.Database.Tables, complete),
			asks(CheckDatabaseRights, s.Database.Tables, rights),
			asks(CheckDatabaseExcess, s.Database.Excess, excess),
			asks(CheckDatabaseCollation, s.Database.Collations, collations),
			clock(CheckDatabaseClock, s.Now, s.Database.Clock, time.Microsecond, loosely),
			asks(CheckFaveoVersion, s.Database.Version, faveoVersion),
			asks(CheckDefaultAdministrator, s.Database.Administrator, administrator),
		},
	}
}

// String tells what it is and who asks.
func (s Server) String() string {
	text := clean(s.Version)
	if s.Database != "" {
		text += ", database " + clean(s.Database)
	}
	if s.User != "" {
		text += ", user " + clean(s.User)
	}
	return text
}

// complete judges which tables and columns there are. What may not be read is not its
// subject.
func complete(tables []Table) verdict {
	var faults, without []string
	for _, t := range tables {
		switch {
		case t.Denied:
		case t.Absent && t.Optional:
			without = append(without, t.Name)
		case t.Absent:
			faults = append(faults, "no table "+t.Name)
		case len(t.Lacks) > 0 && t.Optional:
			without = append(without, t.Name)
		case len(t.Lacks) > 0:
			faults = append(faults, t.Name+" has no "+listed(t.Lacks))
		}
	}
	switch {
	case len(faults) > 0:
		return failed("let faveo.database name the database of a Faveo 1.9 to 2.0", "%s", strings.Join(faults, "; "))
	case len(without) > 0:
		return good("those of Faveo; without %s, as some versions", listed(without))
	}
	return good("those of Faveo")
}

// readable judges the rights, and says how to give those that are missing.
func readable(tables []Table, as Server) verdict {
	var denied, grants []string
	for _, t := range tables {
		if t.Denied {
			denied = append(denied, t.Name)
			grants = append(grants, fmt.Sprintf("GRANT SELECT ON %s TO %s;", qualified(as.Database, t.Name), grantee(as.User)))
		}
	}
	if len(denied) > 0 {
		return failed(strings.Join(grants, " "), "no SELECT on %s", listed(denied))
	}
	return good("SELECT on all that is read")
}

func qualified(database, table string) string { return quoted(database) + "." + quoted(table) }

func quoted(name string) string { return "`" + strings.ReplaceAll(clean(name), "`", "``") + "`" }

// grantee writes "name@host" as GRANT wants it.
func grantee(user string) string {
	at := strings.LastIndexByte(user, '@')
	if at < 0 {
		return "the gateway's user"
	}
	quote := func(text string) string { return "'" + strings.ReplaceAll(clean(text), "'", "''") + "'" }
	return quote(user[:at]) + "@" + quote(user[at+1:])
}

const ownUser = "give the gateway a user of its own with the grants of the README"

func excess(e Excess) verdict {
	slices.Sort(e.Server)
	slices.Sort(e.Database)
	switch {
	case len(e.Server) > 0:
		return unwise(ownUser, "rights on the whole server: %s", few(e.Server))
	case len(e.Database) > 0:
		return good("may also change Faveo's tables (%s), as Faveo's own user; one of its own could not", few(e.Database))
	}
	return good("none: Faveo's tables can only be read")
}

// few lists the first of many.
func few(texts []string) string {
	const most = 4
	if len(texts) > most {
		return listed(texts[:most]) + fmt.Sprintf(" and %d more", len(texts)-most)
	}
	return listed(texts)
}

// collations judges how names are compared. Faveo compares them in the same way, so what
// is unusual is no fault; but operators should know what is one name here.
func collations(by map[string]string) verdict {
	text := func(column string) string {
		if by[column] == "" {
			return column + " by bytes"
		}
		return column + " " + clean(by[column])
	}
	both := text("user_name") + ", " + text("email")
	for _, collation := range by {
		if collation == "" || strings.HasSuffix(collation, "_bin") || strings.Contains(collation, "_cs") {
			return unwise("keep Faveo's utf8mb4_unicode_ci, or know that Alice and alice are two names here", "%s: names differ by case", both)
		}
	}
	if by["user_name"] != by["email"] {
		return unwise("give users.user_name and users.email one collation", "%s: they compare differently", both)
	}
	return good("%s", both)
}

func faveoVersion(v FaveoVersion) verdict {
	switch {
	case v.Assumed && v.Stored == "":
		return unwise("set faveo.version if it is older than 2", "the database does not say; taken for %s", v.Shape)
	case v.Assumed:
		return unwise("set faveo.version", "%s is not known; taken for %s", clean(v.Stored), v.Shape)
	case v.Stored == "":
		return good("%s, as faveo.version says", v.Shape)
	}
	return good("%s, answers as %s", clean(v.Stored), v.Shape)
}

func administrator(a Administrator) verdict {
	switch {
	case a.Opens:
		return failed("give demo_admin another password in Faveo, today", "demo_admin has the password that the installer gave it, which the world knows")
	case a.Exists:
		return good("demo_admin has a password of its own")
	}
	return good("no active account is called demo_admin")
}
