package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway"
	"faveo-gateway/gateway/config"
	"faveo-gateway/upstream/standin"
)

// demoSettings are the flags of demo.
type demoSettings struct {
	settings
	listen      string
	adminListen string
}

func newDemo(p Process) *cobra.Command {
	var from demoSettings
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run the gateway with stand-ins for whatever is not configured",
		Long: `Run the gateway on loopback with an embedded Redis, a SQLite database with three
accounts, and a stand-in for Faveo. --config and --faveo-env replace parts by real ones.
Nothing is kept when it ends.`,
		Args: cobra.NoArgs,
		RunE: runs(func(ctx context.Context) error { return demo(ctx, p, from) }),
	}
	from.register(command)
	command.Flags().StringVar(&from.listen, "listen", "127.0.0.1:8080", "public `address`, loopback only")
	command.Flags().StringVar(&from.adminListen, "admin-listen", "127.0.0.1:9090", "`address` of metrics, health and the admin API, loopback only")
	return command
}

func demo(ctx context.Context, p Process, from demoSettings) (err error) {
	if err := errors.Join(loopback("--listen", from.listen), loopback("--admin-listen", from.adminListen)); err != nil {
		return err
	}
	parts, err := startStandins(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.close()) }()
	sources := from.sources(p)
	sources.Overrides = map[string]string{"server.listen": from.listen, "admin.listen": from.adminListen}
	sources.Fallbacks = parts.settings()
	c, err := config.Load(sources)
	if err != nil {
		return err
	}
	if err := parts.keepable(c); err != nil {
		return err
	}
	parts.serveFaveo(c)
	return serve(ctx, p, sources, nil, func(g *gateway.Gateway) {
		welcome(p.Stdout, scheme(c.Server.TLS.On())+g.Address(), c.Server.BasePath, scheme(c.Admin.TLS.On())+g.AdminAddress(), parts.exports(c.Admin.Token))
	})
}

// scheme is how a listener is spoken to.
func scheme(overTLS bool) string {
	if overTLS {
		return "https://"
	}
	return "http://"
}

// loopback refuses an address that others could reach: the demo's passwords are
// public, and its Faveo is as open as the real one.
func loopback(flag, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if !config.IsLoopback(host) {
		return fmt.Errorf("%s: %q is not a loopback address, and the demo listens on loopback only", flag, address)
	}
	return nil
}

// welcome prints lines that work when they are pasted as they stand.
func welcome(out io.Writer, origin, basePath, admin, withToken string) {
	fmt.Fprintf(out, `faveo-gateway demo
  gateway  %[1]s
  metrics  %[2]s/metrics
  accounts demoadmin, demoagent, democlient; password %[4]s

Log in, as Faveo's manual shows it:
  curl -X POST '%[1]s/api/v1/authenticate?username=demoadmin&password=%[4]s'

Keep the token of an administrator, and read a ticket with it:
  TOKEN=$(curl -s -X POST '%[1]s/api/v1/authenticate?username=demoadmin&password=%[4]s' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/helpdesk/tickets'
  curl "%[1]s/api/v1/helpdesk/ticket?ticket_id=1&token=$TOKEN"

What Faveo would have allowed and the gateway does not:
  curl -i '%[1]s/api/v1/helpdesk/tickets'
  curl -i '%[1]s/api/v1/helpdesk/url?url=file:///etc/passwd'
  CLIENT=$(curl -s -X POST '%[1]s/api/v1/authenticate?username=democlient&password=%[4]s' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -i -H "Authorization: Bearer $CLIENT" '%[1]s/api/v1/helpdesk/customers?search=demo'

A new token for the old one, and the sessions of the account:
  TOKEN=$(curl -s -X POST -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/authenticate/refresh' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/authenticate/sessions'

What an operator does, on another terminal (faveo-gateway is what make build makes; without it: go run .)
%[5]s  faveo-gateway keys status --admin %[2]s
  faveo-gateway keys rotate --admin %[2]s
  faveo-gateway sessions list --admin %[2]s
  faveo-gateway apikeys create --name import --user 2 --scope staff --admin %[2]s
  faveo-gateway audit tail --admin %[2]s

End the session; the token is worthless from then on:
  curl -X POST -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/authenticate/logout'
  curl -i -H "Authorization: Bearer $TOKEN" '%[1]s/api/v1/helpdesk/tickets'

The keys, the health, the numbers:
  curl '%[3]s/.well-known/jwks.json'
  curl '%[2]s/readyz'
  curl -s '%[2]s/metrics' | grep faveo_gateway_logins_total

Ctrl-C ends it.
`, origin+basePath, admin, origin, standin.Password, withToken)
}
