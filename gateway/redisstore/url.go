package redisstore

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URL is where Redis is, as written in the configuration.
type URL struct {
	// Addresses are host:port; of the sentinels when Master is set.
	Addresses []string
	// Cluster and Master are set for a Redis Cluster and for sentinels.
	Cluster bool
	Master  string
	// TLS encrypts the connections to all Addresses, and verifies them.
	TLS      bool
	Database int
	// Credentials; empty for none. Those of the sentinels are their own.
	Username, Password                 string
	SentinelUsername, SentinelPassword string
}

// Forms are what ParseURL accepts, for messages.
const Forms = "redis://[user:password@]host[:6379][/db], rediss://… (TLS), " +
	"redis-cluster://[user:password@]host[:6379],host…[?tls=true], " +
	"redis-sentinel://[user:password@]host[:26379],host…[/db]?master=NAME" +
	"[&tls=true][&sentinel_username=…&sentinel_password=…]"

// ParseURL reads one of the Forms. User, password and query are percent-encoded
// as in every URL. It is strict, because a password with an unescaped "/", "#"
// or "?" reads as another URL; and no part of the text is ever in an error, not
// even what the parser of the standard library would quote.
func ParseURL(text string) (URL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return URL{}, malformed("there is no scheme")
	}
	// The authority is cut out by hand: a list of hosts is none to net/url.
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	userinfo, hosts := "", authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		userinfo, hosts = authority[:at+1], authority[at+1:]
	}
	parsed, err := url.Parse("redis://" + userinfo + "host" + tail)
	if err != nil || parsed.Fragment != "" || strings.Contains(tail, "#") {
		return URL{}, malformed(`it cannot be read; in a user name or password write "%2F" for "/", "%23" for "#", "%3F" for "?" and "%40" for "@"`)
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return URL{}, malformed("the part after the question mark is no query")
	}
	var u URL
	u.Username = parsed.User.Username()
	u.Password, _ = parsed.User.Password()
	if err := u.readKind(scheme, query); err != nil {
		return URL{}, err
	}
	if err := u.readHosts(hosts); err != nil {
		return URL{}, err
	}
	return u, u.readDatabase(parsed.Path)
}

// readKind reads the scheme and the query, of which nothing may be left over.
func (u *URL) readKind(scheme string, query url.Values) error {
	known := []string{"tls"}
	switch scheme {
	case "redis":
		known = nil
	case "rediss":
		known, u.TLS = nil, true
	case "redis-cluster":
		u.Cluster = true
	case "redis-sentinel":
		known = []string{"tls", "master", "sentinel_username", "sentinel_password"}
		if u.Master = query.Get("master"); u.Master == "" {
			return malformed("?master=NAME is missing")
		}
		u.SentinelUsername, u.SentinelPassword = query.Get("sentinel_username"), query.Get("sentinel_password")
	default:
		return malformed("the scheme is unknown")
	}
	for _, name := range known {
		if len(query[name]) > 1 {
			return malformed(name + " is given more than once")
		}
		if name == "tls" && query.Has(name) {
			switch query.Get(name) {
			case "true":
				u.TLS = true
			case "false":
			default:
				return malformed("tls must be true or false")
			}
		}
		query.Del(name)
	}
	if len(query) > 0 {
		return malformed("the query has an unknown parameter")
	}
	return nil
}

func (u *URL) readHosts(hosts string) error {
	port := "6379"
	if u.Master != "" {
		port = "26379"
	}
	list := strings.Split(hosts, ",")
	if len(list) > 1 && !u.Cluster && u.Master == "" {
		return malformed("only a cluster and sentinels have several hosts")
	}
	for _, host := range list {
		address, err := hostPort(host, port)
		if err != nil {
			return err
		}
		u.Addresses = append(u.Addresses, address)
	}
	return nil
}

// hostPort reads name, name:port, address, [address] or [address]:port.
func hostPort(text, port string) (string, error) {
	host := text
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 && !strings.HasSuffix(text, "]") {
		host, port = text[:colon], text[colon+1:]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
		if net.ParseIP(host) == nil {
			return "", malformed("there is no IPv6 address between the brackets")
		}
	} else if host == "" || strings.ContainsAny(host, ":[]@%\\ ") {
		return "", malformed("a host is missing or not one")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", malformed("a port is not a number from 1 to 65535")
	}
	return net.JoinHostPort(host, port), nil
}

func (u *URL) readDatabase(path string) error {
	name := strings.TrimPrefix(path, "/")
	if name == "" {
		return nil
	}
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return malformed("the database is not a number")
	}
	if u.Cluster && n != 0 {
		return malformed("a cluster has no databases but 0")
	}
	u.Database = int(n)
	return nil
}

// malformed is an error of ParseURL, to be read behind the name of the setting.
func malformed(why string) error {
	return fmt.Errorf("is no URL of Redis: %s; expected %s", why, Forms)
}
