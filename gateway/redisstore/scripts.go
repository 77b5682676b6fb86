package redisstore

import (
	"context"
	"crypto/sha1" // By its digest Redis names a script; nothing is secured by it.
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// scripts are all that runs inside Redis. Each touches the keys of one slot only.
type scripts struct {
	create, adopt, replace, list, remove, removeAll, bar script // of one user
	adoptable, mark                                      script // of all users
	announce, poll                                       script // of the news
	register, leave                                      script // of the replicas
	take, giveBack, remember, locked, lockedPage, clear  script // of a group of limits
	keep                                                 script // of one value of APIKeys
}

func newScripts() scripts {
	return scripts{
		create:    newScript(finishFunction + storeFunction + createScript),
		adopt:     newScript(finishFunction + storeFunction + adoptScript),
		replace:   newScript(replaceScript),
		list:      newScript(listScript),
		remove:    newScript(finishFunction + removeScript),
		removeAll: newScript(finishFunction + markFunction + removeAllScript),
		bar:       newScript(finishFunction + barScript),
		adoptable: newScript(markFunction + adoptableScript),
		mark:      newScript(markFunction + markScript),
		announce:  newScript(announceFunction + announceScript),
		poll:      newScript(announceFunction + pollScript),
		register:  newScript(registerScript),
		leave:     newScript(leaveScript),

		take:       newScript(bucketFunctions + takeScript),
		giveBack:   newScript(bucketFunctions + giveBackScript),
		remember:   newScript(rememberScript),
		locked:     newScript(lockedScript),
		lockedPage: newScript(lockedPageScript),
		clear:      newScript(clearScript),
		keep:       newScript(keepScript),
	}
}

// script is a Lua script and the digest by which Redis remembers it.
type script struct{ text, digest string }

func newScript(text string) script {
	digest := sha1.Sum([]byte(text))
	return script{text: text, digest: hex.EncodeToString(digest[:])}
}

// run sends a script by its digest, and in full to a Redis that does not know it
// yet.
func (s *Store) run(ctx context.Context, sc script, keys []string, args ...any) *redis.Cmd {
	c := s.runOnce(ctx, "evalsha", sc.digest, keys, args)
	if redis.HasErrorPrefix(c.Err(), "NOSCRIPT") {
		c = s.runOnce(ctx, "eval", sc.text, keys, args)
	}
	return c
}

func (s *Store) runOnce(ctx context.Context, command, script string, keys []string, args []any) *redis.Cmd {
	line := make([]any, 0, 3+len(keys)+len(args))
	line = append(line, command, script, len(keys))
	for _, key := range keys {
		line = append(line, key)
	}
	c := redis.NewCmd(ctx, append(line, args...)...)
	c.SetFirstKeyPos(3)
	_ = s.client.Process(ctx, once{c}) // The error is the command's.
	return c
}

// once is a command that is not sent again when its answer was lost. For a
// cluster go-redis does that, whatever MaxRetries says: the second run of a script
// would tell what is left to do, and not what the first one has done. A node that
// refers to another one has not run it, and is followed.
type once struct{ *redis.Cmd }

func (once) NoRetry() bool { return true }
