package gateway

import (
	"context"
	"errors"
	"time"

	"faveo-gateway/gateway/audit"
	"faveo-gateway/gateway/config"
	"faveo-gateway/gateway/doctor"
	"faveo-gateway/gateway/keyring"
	"faveo-gateway/gateway/redisstore"
	"faveo-gateway/gateway/sqlstore"
	"faveo-gateway/upstream/database"
	"faveo-gateway/upstream/faveo"
)

// patients are the stores as a doctor meets them: maybe dead.
type patients struct {
	faveo *faveo.DB
	state *sqlstore.Survey
	redis *redisPatient
}

// openPatients connects to nothing yet.
func openPatients(ctx context.Context, c *config.Config) (_ *patients, err error) {
	p := &patients{redis: &redisPatient{options: redisOptions(c, nil)}}
	if p.faveo, err = faveo.Open(ctx, faveoOptions(c, nil)); err != nil {
		return nil, err
	}
	if p.state, err = sqlstore.OpenSurvey(stateOptions(c, nil)); err != nil {
		return nil, errors.Join(err, p.faveo.Close())
	}
	return p, nil
}

func (p *patients) close() error {
	return errors.Join(p.faveo.Close(), p.state.Close(), p.redis.close())
}

// redisPatient is opened by the first question, whose fault it is when it cannot be.
type redisPatient struct {
	options redisstore.Options
	store   *redisstore.Store
}

func (r *redisPatient) close() error {
	if r.store == nil {
		return nil
	}
	return r.store.Close()
}

func (r *redisPatient) nodes(ctx context.Context) (found []doctor.RedisNode, err error) {
	if r.store, err = redisstore.Open(ctx, r.options); err != nil {
		return nil, err
	}
	nodes, err := r.store.Nodes(ctx)
	for _, n := range nodes {
		found = append(found, doctor.RedisNode{
			Address: n.Address, Version: n.Version,
			Replica: n.Replica, Clustered: n.Clustered, ClusterState: n.ClusterState,
			Eviction: n.Eviction, UsedMemory: n.UsedMemory, MaxMemory: n.MaxMemory,
			AppendOnly: n.AppendOnly, Snapshots: n.Snapshots, SnapshotsTold: n.SnapshotsTold,
			WriteFault: writeFault(n),
		})
	}
	return found, err
}

func writeFault(n redisstore.Node) string {
	switch {
	case n.AppendFailed:
		return "the append-only file could not be written"
	case n.SaveFailed:
		return "the last snapshot could not be saved"
	}
	return ""
}

func (p *patients) redisSite() doctor.Redis {
	url, err := redisstore.ParseURL(p.redis.options.URL)
	return doctor.Redis{
		Nodes:   p.redis.nodes,
		Cluster: err == nil && url.Cluster,
		// Asked only after the nodes, which open the store.
		Clock: func(ctx context.Context) (time.Time, error) { return p.redis.store.Clock(ctx) },
	}
}

func (p *patients) databaseSite() doctor.Database {
	return doctor.Database{
		Server: identified(p.faveo.Server),
		Tables: func(ctx context.Context) (found []doctor.Table, err error) {
			tables, err := p.faveo.Readable(ctx)
			for _, t := range tables {
				found = append(found, doctor.Table(t))
			}
			return found, err
		},
		Excess: func(ctx context.Context) (doctor.Excess, error) {
			rights, err := p.faveo.Rights(ctx)
			return doctor.Excess(rights), err
		},
		Collations: p.faveo.Collations,
		Clock:      p.faveo.Clock,
		Version: func(ctx context.Context) (doctor.FaveoVersion, error) {
			v, err := p.faveo.Version(ctx)
			return doctor.FaveoVersion{Stored: v.Stored, Shape: string(v.Shape), Assumed: v.Assumed}, err
		},
		Administrator: func(ctx context.Context) (a doctor.Administrator, err error) {
			a.Exists, a.Opens, err = p.faveo.InstallersAccount(ctx)
			return a, err
		},
	}
}

func identified(ask func(context.Context) (database.Server, error)) doctor.Probe[doctor.Server] {
	return func(ctx context.Context) (doctor.Server, error) {
		s, err := ask(ctx)
		return doctor.Server(s), err
	}
}

func (p *patients) stateSite(c *config.Config) doctor.State {
	kept := c.Observability.Audit
	return doctor.State{
		Server: identified(p.state.Server),
		Migrations: func(ctx context.Context) (doctor.Migrations, error) {
			m, err := p.state.Migrations(ctx)
			return doctor.Migrations{Pending: m.Pending, Unknown: m.Unknown, Applied: m.Applied}, err
		},
		Lacks: func(ctx context.Context) ([]string, error) {
			return p.state.Lacks(ctx, kept.To == audit.ToDatabase, kept.Keep > 0)
		},
		Keys: func(ctx context.Context) (doctor.Keys, error) {
			records, err := p.state.Keys(ctx)
			if err != nil {
				return doctor.Keys{}, err
			}
			sealing, err := sealingKeys(c)
			if err != nil {
				return doctor.Keys{}, err
			}
			return doctor.Keys{Stored: len(records), Fault: keyring.Openable(records, sealing)}, nil
		},
	}
}
