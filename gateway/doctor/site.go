package doctor

import (
	"context"
	"time"
)

// Probe asks one question and changes nothing. An error means that there is no answer; it
// may be shown after plain has taken out what it is wrapped in, so its cause holds no
// secret. It returns when ctx ends.
type Probe[T any] func(ctx context.Context) (T, error)

// Site is what is examined. All probes are needed.
type Site struct {
	Settings Settings
	Redis    Redis
	Database Database
	State    State
	PHP      []Upstream
	// Public is where the site says that it is.
	Public Probe[Public]
	// Now is the gateway's clock.
	Now func() time.Time
}

// parts are all, in the order of the report.
func (s Site) parts() []part {
	all := []part{s.configuration(), s.redis(), s.database(), s.state()}
	for _, u := range s.PHP {
		all = append(all, s.php(u))
	}
	return append(all, s.public())
}

// Settings are what the configuration says.
type Settings struct {
	// Policy loads the policy and returns how many rules it has.
	Policy Probe[int]
	// Warnings are those of the configuration: "path: sentence".
	Warnings []string
	// SecretKnown says that faveo.jwt_secret is one that anybody would try.
	SecretKnown bool
	// TokenLife is tokens.ttl.
	TokenLife time.Duration
	// AdminToken says that there is one.
	AdminToken bool
	// TrustsProxies says that server.trusted_proxies names somebody.
	TrustsProxies bool
	// Front says why something must stand in front of the gateway, "" when nothing need.
	Front string
	// Debug is APP_DEBUG of Faveo's .env, nil when that is not known.
	Debug *bool
}

// Redis is the server, the cluster, or the master that the sentinels name.
type Redis struct {
	// Nodes are the servers that are written to: one, or the masters of a cluster.
	Nodes Probe[[]RedisNode]
	// Cluster says that redis.url is one of a cluster.
	Cluster bool
	Clock   Probe[time.Time]
}

// RedisNode is one server. What it does not tell is empty.
type RedisNode struct {
	Address, Version string
	// Replica says that it takes no writes.
	Replica bool
	// Clustered says that it belongs to a cluster, ClusterState what that is in ("ok").
	Clustered    bool
	ClusterState string
	// Eviction is maxmemory-policy.
	Eviction string
	// UsedMemory and MaxMemory are bytes; MaxMemory 0 is no bound.
	UsedMemory, MaxMemory uint64
	// AppendOnly says that every write is logged. Snapshots says when it is dumped, as
	// CONFIG GET save does, "" for never; SnapshotsTold is false when it does not say.
	AppendOnly    bool
	Snapshots     string
	SnapshotsTold bool
	// WriteFault is why it could not save last time, "" when it could.
	WriteFault string
}

// Server is a database server and who the gateway is there.
type Server struct {
	Version, Database, User string
	// ReadOnly says that it takes no writes.
	ReadOnly bool
}

// Database is Faveo's.
type Database struct {
	Server Probe[Server]
	Tables Probe[[]Table]
	// Excess are rights beyond reading.
	Excess Probe[Excess]
	// Collations are those of the columns that a login is looked up in, by column; ""
	// compares bytes.
	Collations Probe[map[string]string]
	Clock      Probe[time.Time]
	Version    Probe[FaveoVersion]
	// Administrator is the account that Faveo's installer makes.
	Administrator Probe[Administrator]
}

// Table is what became of reading one of Faveo's tables.
type Table struct {
	Name string
	// Optional says that some versions do not have it.
	Optional bool
	// Denied, Absent and Lacks are why it cannot be read: a missing right, no such table,
	// or columns that are not there. None of them: it can.
	Denied, Absent bool
	Lacks          []string
}

// Excess are rights that the gateway does not need.
type Excess struct {
	// Server are rights on the whole server, Database those to change Faveo's tables.
	Server, Database []string
}

// FaveoVersion is what the gateway takes Faveo for.
type FaveoVersion struct {
	Stored, Shape string
	// Assumed says that Stored names no known version.
	Assumed bool
}

// Administrator is the account that Faveo's installer makes.
type Administrator struct {
	// Exists says that an active account has its name, Opens that the installer's password
	// opens it.
	Exists, Opens bool
}

// State is the database with the gateway's own tables.
type State struct {
	Server     Probe[Server]
	Migrations Probe[Migrations]
	// Lacks are the rights that are missing, "INSERT on faveo_gateway_audit".
	Lacks Probe[[]string]
	Keys  Probe[Keys]
}

// Keys are the stored signing keys.
type Keys struct {
	Stored int
	// Fault is why the encryption keys do not open them, nil when they do. Its text is
	// shown: it holds ids only.
	Fault error
}

// Migrations is how the tables and the program differ.
type Migrations struct {
	// Pending are to be applied, Unknown were applied by a newer program.
	Pending []string
	Unknown []int64
	Applied int
}

// Upstream is one of faveo.urls.
type Upstream struct {
	// Name is its host and port.
	Name string
	// Answer asks for check-url and returns the status and what the server calls itself.
	Answer Probe[Answer]
	// Bridge asks whether Faveo accepts the bridge token.
	Bridge Probe[Bridge]
	Clock  Probe[time.Time]
	// Exposed looks for ways around the gateway.
	Exposed Probe[Exposure]
}

// Answer is what a web server says.
type Answer struct {
	Status int
	Server string
}

// Bridge is what Faveo says to the bridge token.
type Bridge string

// The closed set of Bridge.
const (
	BridgeAccepted Bridge = "accepted"
	BridgeRefused  Bridge = "refused"
)

// Exposure is where PHP answers those who are not on this machine.
type Exposure struct {
	// Elsewhere says that PHP is not on this machine, so that it cannot be told from here.
	Elsewhere bool
	// Tried are the addresses of this machine that were tried, Open those of them at which
	// Faveo answers without a gateway.
	Tried, Open []string
}

// Answerer is who is at an address.
type Answerer string

// The closed set of Answerer.
const (
	AnswererGateway Answerer = "gateway"
	AnswererFaveo   Answerer = "faveo"
	AnswererOther   Answerer = "other"
)

// Public is where the site says that it is.
type Public struct {
	// URL is the address, "" when nobody says; Source says who does.
	URL, Source string
	Who         Answerer
	// Fault is why nobody answers there; then Who is empty.
	Fault error
}
