package session

// Drop forgets one Session, for a message that it was ended. What cannot name
// one Session forgets more, never less: an empty or malformed id all of the
// user's, and the user 0 everything. So it can be handed to a Store's watch as
// it is. The Store is not asked.
func (m *Manager) Drop(userID uint64, id string) {
	raw, ok := parseID(id)
	switch {
	case userID == 0:
		m.DropEverything()
	case !ok:
		m.DropAll(userID)
	default:
		m.drop(sessionKey{userID, raw})
	}
}

// DropAll forgets the user's account and all the user's Sessions.
func (m *Manager) DropAll(userID uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cache.dropUser(userID)
	m.finds.forget(func(k sessionKey) bool { return k.user == userID })
	delete(m.looks.underWay, userID)
}

// DropEverything forgets all users, for when messages may have been lost.
func (m *Manager) DropEverything() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cache.dropEverything()
	clear(m.finds.underWay)
	clear(m.looks.underWay)
}

// drop forgets one Session and reports whether it was remembered.
func (m *Manager) drop(k sessionKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.finds.underWay, k)
	return m.cache.drop(k)
}

// dropAccount forgets what the account looked like.
func (m *Manager) dropAccount(userID uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cache.dropLook(userID)
	delete(m.looks.underWay, userID)
}
