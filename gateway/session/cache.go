package session

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// sessionKey names a Session without doubt: both parts have a fixed size.
type sessionKey struct {
	user uint64
	id   rawID
}

// cache is what this replica remembers, kept by user so that everything about
// one user can be forgotten at once. It decides nothing: whether a memory is
// fresh enough is the reader's question. Not safe for concurrent use; the
// Manager's lock guards it.
type cache struct {
	users *simplelru.LRU[uint64, *memory]
	// sessions is the number of Sessions in all memories.
	sessions int
	// size bounds users and, apart from that, sessions. perUser bounds the
	// Sessions of one memory, which are searched one by one.
	size, perUser int
}

// memory is what is known of one user.
type memory struct {
	look     look // look.found is false when no account is known
	sessions []remembered
}

type remembered struct {
	id rawID
	*entry
}

// entry is a Session as it was read, without its successors. It is never changed,
// only replaced.
type entry struct {
	session Session
	// readAt is when the read began.
	readAt time.Time
}

// newCache takes bounds below 1 for 1.
func newCache(size, perUser int) *cache {
	c := &cache{size: max(size, 1), perUser: max(perUser, 1)}
	// The only error is a size below 1.
	c.users, _ = simplelru.NewLRU(c.size, func(_ uint64, m *memory) { c.sessions -= len(m.sessions) })
	return c
}

// find returns what is remembered of a Session, or nil.
func (c *cache) find(k sessionKey) *entry {
	m, ok := c.users.Get(k.user)
	if !ok {
		return nil
	}
	if i := m.index(k.id); i >= 0 {
		return m.sessions[i].entry
	}
	return nil
}

// look returns what is remembered of an account; found is false for nothing.
func (c *cache) look(userID uint64) look {
	if m, ok := c.users.Get(userID); ok {
		return m.look
	}
	return look{}
}

// put remembers a Session, instead of the one read longest ago when the user
// has too many, and forgets users not seen for longest when all have too many.
func (c *cache) put(k sessionKey, e *entry) {
	m := c.memory(k.user)
	i := m.index(k.id)
	if i < 0 && len(m.sessions) >= c.perUser {
		i = m.oldest()
	}
	if i >= 0 {
		m.sessions[i] = remembered{k.id, e}
		return
	}
	m.sessions = append(m.sessions, remembered{k.id, e})
	for c.sessions++; c.sessions > c.size; {
		c.users.RemoveOldest()
	}
}

func (c *cache) putLook(userID uint64, l look) {
	c.memory(userID).look = l
}

// drop forgets a Session and reports whether it was remembered.
func (c *cache) drop(k sessionKey) bool {
	m, ok := c.users.Peek(k.user)
	if !ok {
		return false
	}
	i := m.index(k.id)
	if i < 0 {
		return false
	}
	last := len(m.sessions) - 1
	m.sessions[i], m.sessions[last] = m.sessions[last], remembered{}
	m.sessions = m.sessions[:last]
	c.sessions--
	return true
}

func (c *cache) dropLook(userID uint64) {
	if m, ok := c.users.Peek(userID); ok {
		m.look = look{}
	}
}

func (c *cache) dropUser(userID uint64) { c.users.Remove(userID) }

func (c *cache) dropEverything() { c.users.Purge() }

func (c *cache) memory(userID uint64) *memory {
	if m, ok := c.users.Get(userID); ok {
		return m
	}
	m := new(memory)
	c.users.Add(userID, m)
	return m
}

func (m *memory) index(id rawID) int {
	for i := range m.sessions {
		if m.sessions[i].id == id {
			return i
		}
	}
	return -1
}

func (m *memory) oldest() int {
	oldest := 0
	for i := range m.sessions {
		if m.sessions[i].readAt.Before(m.sessions[oldest].readAt) {
			oldest = i
		}
	}
	return oldest
}
