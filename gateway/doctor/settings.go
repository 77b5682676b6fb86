package doctor

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// short is a life of tokens that only Faveo's installer asks for.
const short = 5 * time.Minute

func (s Site) configuration() part {
	c := s.Settings
	all := []check{{CheckPolicy, func(ctx context.Context) verdict { return policy(c.Policy(ctx)) }}}
	all = append(all, c.warned()...)
	return part{name: PartConfiguration, rest: append(all,
		told(CheckAdminToken, c.adminToken()),
		told(CheckTrustedProxies, c.proxies()),
		told(CheckTokenLife, c.life()),
		told(CheckFaveoDebug, c.debug()),
	)}
}

// told is a check whose verdict needs no asking.
func told(id ID, v verdict) check {
	return check{id, func(context.Context) verdict { return v }}
}

func policy(rules int, err error) verdict {
	if err != nil {
		return failed("correct it; faveo-gateway check shows every fault", "%s", clean(err.Error()))
	}
	return good("%s", counted(rules, "rule"))
}

// judged are the paths whose warnings have a check of their own.
var judged = []struct {
	path *regexp.Regexp
	id   ID
	// fine is what is found without a warning.
	fine string
	// advice is for warnings that do not say what to set.
	advice string
}{
	{
		regexp.MustCompile(`^faveo\.jwt_secret$`), CheckJWTSecret,
		"long enough and not a well-known one", "set another JWT_SECRET in the .env of Faveo",
	},
	{
		regexp.MustCompile(`^state\.encryption_keys$`), CheckEncryptionKeys,
		"set", "set state.encryption_keys before the first start: openssl rand -base64 32",
	},
	{
		regexp.MustCompile(`^faveo\.urls\[`), CheckUpstreamEncryption,
		"no plain HTTP beyond this machine", "use https, or a network that nobody else reads",
	},
}

// warned makes a check of each warning, and of each path that was not warned of.
func (c Settings) warned() []check {
	var all []check
	rest := c.Warnings
	for _, j := range judged {
		matched := false
		var left []string
		for _, warning := range rest {
			path, sentence, _ := strings.Cut(warning, ": ")
			if !j.path.MatchString(path) {
				left = append(left, warning)
				continue
			}
			matched = true
			v := warnedOf(path, sentence, j.advice)
			if j.id == CheckJWTSecret && c.SecretKnown {
				v.result = Failed
			}
			all = append(all, told(j.id, v))
		}
		if rest = left; !matched {
			all = append(all, told(j.id, good("%s", j.fine)))
		}
	}
	for _, warning := range rest {
		path, sentence, _ := strings.Cut(warning, ": ")
		all = append(all, told(CheckSettings, warnedOf(path, sentence, "set "+path+" otherwise, or accept it")))
	}
	if len(rest) == 0 {
		all = append(all, told(CheckSettings, good("nothing else to warn of")))
	}
	return all
}

// warnedOf is the verdict of a warning, whose own advice wins.
func warnedOf(path, sentence, advice string) verdict {
	if problem, own, has := strings.Cut(sentence, "; set "); has {
		sentence, advice = problem, "set "+own
	}
	return unwise(advice, "%s: %s", path, sentence)
}

func (c Settings) adminToken() verdict {
	if !c.AdminToken {
		return unwise("set admin.token: openssl rand -base64 32", "none: keys, sessions and lockouts cannot be managed")
	}
	return good("set")
}

func (c Settings) proxies() verdict {
	switch {
	case c.TrustsProxies:
		return good("set")
	case c.Front != "":
		return unwise("set server.trusted_proxies to the address of the web server in front",
			"none, while %s: every client has the address of the web server in front, and all share one allowance of failed logins", c.Front)
	}
	return good("none: whoever connects counts as the client")
}

func (c Settings) life() verdict {
	if c.TokenLife <= short {
		return unwise("set tokens.ttl to 1h: tokens can be revoked now",
			"tokens live %s, as Faveo's installer has it (JWT_TTL): people log in all day", span(c.TokenLife))
	}
	return good("tokens live %s", span(c.TokenLife))
}

// span writes a duration without zero units.
func span(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

func (c Settings) debug() verdict {
	switch {
	case c.Debug == nil:
		return skipped("not known: --faveo-env names Faveo's .env")
	case *c.Debug:
		return unwise("set APP_DEBUG=false in the .env of Faveo", "APP_DEBUG is on: errors show code, paths and settings in the web UI")
	}
	return good("APP_DEBUG is off")
}
