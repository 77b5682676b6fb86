package doctor

import (
	"context"
	"errors"
	"time"
)

// The bounds of PHP's clock: a bridge token is dated back by late and lives for early
// when it is handed out at the latest.
const (
	late  = 5 * time.Second
	early = 30 * time.Second
)

// ErrNoDate is for the Clock of a web server that does not tell the time.
var ErrNoDate = errors.New("its answers have no Date")

// php is the examination of one upstream; of several each names itself.
func (s Site) php(u Upstream) part {
	named := func(v verdict) verdict {
		v.found = clean(u.Name) + ": " + v.found
		return v
	}
	first := check{CheckPHPReachable, func(ctx context.Context) verdict { return named(answers(u.Answer(ctx))) }}
	rest := []check{
		{CheckPHPBridgeToken, func(ctx context.Context) verdict { return bridge(u.Bridge(ctx)) }},
		clock(CheckPHPClock, s.Now, u.Clock, time.Second, phpClock),
		asks(CheckPHPExposed, u.Exposed, exposed),
	}
	for i, c := range rest {
		rest[i].run = func(ctx context.Context) verdict { return named(c.run(ctx)) }
	}
	return part{name: PartPHP, first: &first, silent: clean(u.Name) + ": PHP does not answer", rest: rest}
}

func answers(a Answer, err error) verdict {
	if err != nil {
		return failed("start PHP's web server, or correct faveo.urls", "%s", plain(err))
	}
	server := ""
	if a.Server != "" {
		server = " (" + clean(a.Server) + ")"
	}
	switch {
	case a.Status >= 500:
		return failed("look into PHP's log, storage/logs/laravel.log", "check-url answers %d%s", a.Status, server)
	case a.Status != 200:
		return failed("let faveo.urls and server.base_path lead to Faveo", "check-url answers %d%s: is this a Faveo?", a.Status, server)
	}
	return good("answers%s", server)
}

func bridge(b Bridge, err error) verdict {
	switch {
	case err != nil:
		return failed("look into PHP's log; until Faveo accepts the bridge token every API request fails", "%s", plain(err))
	case b == BridgeRefused:
		return failed("set faveo.jwt_secret to JWT_SECRET of that Faveo", "refused: it is signed with another secret")
	}
	return good("accepted")
}

func phpClock(ahead time.Duration) verdict {
	switch {
	case ahead < -late:
		return failed(setClocks, "%s: bridge tokens are not yet valid there", apart(ahead))
	case ahead > early:
		return failed(setClocks, "%s: bridge tokens have expired there", apart(ahead))
	}
	return good("%s", agreement(ahead))
}

func exposed(e Exposure) verdict {
	switch {
	case len(e.Open) > 0:
		return unwise("let PHP's web server listen on 127.0.0.1 only, or close the port: whoever reaches it goes around the gateway",
			"Faveo answers without the gateway at %s", listed(e.Open))
	case e.Elsewhere:
		return skipped("it is on another machine: see from a third one that its port does not answer")
	case len(e.Tried) == 0:
		return good("this machine has no address but loopback")
	}
	return good("answers on loopback only: tried %s", listed(e.Tried))
}
