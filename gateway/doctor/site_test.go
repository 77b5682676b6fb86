package doctor_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// says is a probe with that answer.
func says[T any](answer T) doctor.Probe[T] {
	return func(context.Context) (T, error) { return answer, nil }
}

// fails is a probe without one.
func fails[T any](err error) doctor.Probe[T] {
	return func(context.Context) (answer T, _ error) { return answer, err }
}

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// node is a Redis as it should be.
func node() doctor.RedisNode {
	return doctor.RedisNode{
		Address: "10.0.0.1:6379", Version: "7.2.4", Eviction: "noeviction", UsedMemory: 3 << 20, MaxMemory: 256 << 20,
		AppendOnly: true, SnapshotsTold: true,
	}
}

// tables are Faveo's, all readable.
func tables() []doctor.Table {
	return []doctor.Table{{Name: "users"}, {Name: "tickets"}, {Name: "settings_security", Optional: true}}
}

// healthy is a site about which there is nothing to say.
func healthy() doctor.Site {
	server := doctor.Server{Version: "MariaDB 10.11.6", Database: "faveo", User: "gateway@127.0.0.1"}
	off := false
	return doctor.Site{
		Settings: doctor.Settings{Policy: says(49), TokenLife: time.Hour, AdminToken: true, TrustsProxies: true, Debug: &off},
		Redis:    doctor.Redis{Nodes: says([]doctor.RedisNode{node()}), Clock: says(noon)},
		Database: doctor.Database{
			Server: says(server), Tables: says(tables()), Excess: says(doctor.Excess{}),
			Collations:    says(map[string]string{"user_name": "utf8mb4_unicode_ci", "email": "utf8mb4_unicode_ci"}),
			Clock:         says(noon),
			Version:       says(doctor.FaveoVersion{Stored: "v2.0.3", Shape: "2"}),
			Administrator: says(doctor.Administrator{}),
		},
		State: doctor.State{
			Server: says(server), Migrations: says(doctor.Migrations{Applied: 4}), Lacks: says([]string(nil)), Keys: says(doctor.Keys{Stored: 2}),
		},
		PHP: []doctor.Upstream{{
			Name: "127.0.0.1:8000", Answer: says(doctor.Answer{Status: 200, Server: "nginx"}), Bridge: says(doctor.BridgeAccepted),
			Clock: says(noon), Exposed: says(doctor.Exposure{Tried: []string{"10.0.0.2:8000"}}),
		}},
		Public: says(doctor.Public{URL: "https://helpdesk.example.com", Source: "APP_URL", Who: doctor.AnswererGateway}),
		Now:    func() time.Time { return noon },
	}
}
