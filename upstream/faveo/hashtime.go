package faveo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// measureEvery is how often WatchHashes looks, measureAgain how soon it does after a failure.
	measureEvery = time.Hour
	measureAgain = time.Minute
	// measuredCost is the bcrypt cost whose time is taken; each step beyond it doubles it.
	measuredCost = 8
	// measurements are how often it is taken. The middle one counts, so that one disturbance does not.
	measurements = 3
)

// hashKind is, in the SQL of both databases, what hashPrefix finds but for the last $: of argon2 up to the first digit
// of p, which makes 16 threads look like one, slower than they are. hashKindsInUse bounds the rows, for whoever can
// write to the column could make each of them another kind.
const (
	hashKind       = "SUBSTR(password, 1, CASE WHEN password LIKE '$2%' THEN 7 ELSE INSTR(password, ',p=') + 3 END)"
	hashKindsInUse = " FROM users WHERE active = 1 AND (password LIKE '$2%' OR password LIKE '$argon2%') LIMIT 1000"
)

// hashes are what MeasureHashes found out.
type hashes struct {
	usual   string // hashPrefix of most hashes
	longest time.Duration
}

// HashTime is how long the costliest hash that VerifyPassword would compute for any active account takes on this
// machine, or VerifyNothing if that is longer, as MeasureHashes last saw it; 0 before. It never blocks.
func (db *DB) HashTime() time.Duration {
	if h := db.hashes.Load(); h != nil {
		return h.longest
	}
	return 0
}

// WatchHashes measures once an hour, for the first time in an hour if it was done before, until ctx ends. It returns
// the context's error.
func (db *DB) WatchHashes(ctx context.Context) error {
	wait := measureEvery
	if db.hashes.Load() == nil {
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		wait = measureEvery
		if db.MeasureHashes(ctx) != nil {
			wait = measureAgain // Observe was told; what is known stays.
		}
		timer.Reset(wait)
	}
}

// MeasureHashes finds out which hash is the usual one and how long the costliest one takes, for VerifyNothing and
// HashTime. It asks the database twice and computes a few hashes: bcrypt of cost 8 at the most, argon2 as it is stored.
// When it fails, what was known stays.
func (db *DB) MeasureHashes(ctx context.Context) error {
	usual, err := db.readUsualHash(ctx)
	if err != nil {
		return err
	}
	prefixes, err := db.readHashKinds(ctx)
	if err != nil {
		return err
	}
	var longest time.Duration
	bcrypt, argon2 := costliest(append(prefixes, usual))
	if bcrypt != "" {
		longest = bcryptTime(bcrypt)
	}
	if argon2 != "" {
		longest = max(longest, verificationTime(argon2))
	}
	db.hashes.Store(&hashes{usual: usual, longest: longest})
	return nil
}

// readHashKinds returns the prefixes of the usable hashes of all active accounts.
func (db *DB) readHashKinds(ctx context.Context) (prefixes []string, err error) {
	err = db.ask(ctx, "hash_kinds", func(ctx context.Context) error {
		rows, err := db.pool.QueryContext(ctx, db.lookup.hashKinds)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var kind string
			if err := rows.Scan(&kind); err != nil {
				return err
			}
			kind = strings.TrimSuffix(kind, "$") + "$"
			if prefix, ok := hashPrefix(completeHash(kind)); ok {
				prefixes = append(prefixes, prefix)
			}
		}
		return rows.Err()
	})
	return prefixes, err
}

// costliest returns the costliest prefix of either kind, "" for none.
func costliest(prefixes []string) (bcrypt, argon2 string) {
	var most uint64
	for _, prefix := range prefixes {
		hash := completeHash(prefix)
		if h, ok := parseArgon2(hash); !ok {
			bcrypt = max(bcrypt, prefix) // Costs have two digits.
		} else if work := uint64(h.memory) * uint64(h.passes); work > most {
			argon2, most = prefix, work
		}
	}
	return bcrypt, argon2
}

// bcryptTime is how long a hash with this prefix takes.
func bcryptTime(prefix string) time.Duration {
	cost, _ := bcryptCost(completeHash(prefix))
	measured := min(cost, measuredCost)
	return verificationTime(fmt.Sprintf("$2y$%02d$", measured)) << (cost - measured)
}

// verificationTime is how long a hash with this prefix takes, measured.
func verificationTime(prefix string) time.Duration {
	took := make([]time.Duration, measurements)
	hash := completeHash(prefix)
	for i := range took {
		began := time.Now()
		_, _ = VerifyPassword(hash, "measured")
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2]
}
