package doctor

import (
	"context"
	"fmt"
)

func (s Site) state() part {
	var server Server
	first := check{CheckStateReachable, func(ctx context.Context) verdict {
		found, err := s.State.Server(ctx)
		if err != nil {
			return failed("start the database, or correct state.database; without it the gateway does not start", "%s", plain(err))
		}
		server = found
		return good("%s", server)
	}}
	return part{
		name: PartState, first: &first, silent: "the database does not answer",
		rest: []check{
			asks(CheckStateMigrations, s.State.Migrations, migrations),
			asks(CheckStateRights, s.State.Lacks, func(lacks []string) verdict { return writable(lacks, server) }),
			asks(CheckSigningKeys, s.State.Keys, signingKeys),
		},
	}
}

func migrations(m Migrations) verdict {
	const run = "run: faveo-gateway migrate (serve does it where its user may)"
	switch {
	case len(m.Unknown) > 0:
		return unwise("run the newest faveo-gateway, or go back to a copy of the tables from before",
			"a newer program has changed the tables (%s unknown here)", counted(len(m.Unknown), "migration"))
	case m.Applied == 0:
		return unwise(run, "the gateway has no tables yet")
	case len(m.Pending) > 0:
		return unwise(run, "pending: %s", listed(m.Pending))
	}
	return good("up to date, %s", counted(m.Applied, "migration"))
}

func writable(lacks []string, as Server) verdict {
	switch {
	case as.ReadOnly:
		return failed("let state.database lead to the primary", "the server takes no writes")
	case len(lacks) > 0:
		return failed(fmt.Sprintf("GRANT %s TO %s, see the README for the whole list", lacks[0], grantee(as.User)), "no %s", listed(lacks))
	}
	return good("the gateway's tables can be written")
}

func signingKeys(k Keys) verdict {
	switch {
	case k.Fault != nil:
		return failed("put the encryption key that sealed them behind the first of state.encryption_keys; the gateway does not start without it",
			"%s", clean(k.Fault.Error()))
	case k.Stored == 0:
		return good("none yet: the first start makes one")
	}
	return good("the encryption keys open all of %d", k.Stored)
}
