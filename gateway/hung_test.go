package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// environ are settings as variables of a process.
func (s settings) environ() (list []string) {
	for path, text := range s {
		list = append(list, "FAVEO_GATEWAY_"+strings.ToUpper(strings.ReplaceAll(path, ".", "_"))+"="+text)
	}
	return list
}

// at is a request to a replica that is a process of its own.
func (w *world) at(p process, token string) answer {
	w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+p.address+priority, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return w.do(r)
}

// TestHungReplica stops a replica in the middle of its work, without ending it. It
// holds up nobody's revocation, and a rotation only until its registration has
// expired; when it comes back it knows what it has missed.
func TestHungReplica(t *testing.T) {
	t.Parallel() // It waits for a registration to expire.
	stores, db := onMariaDB(t)
	cheapPasswords(t, db)
	stores = managed(stores)
	here, there := start(t, stores), start(t, stores)
	hung := play(t, "gateway", merge(stores, settings{"faveo.urls": here.upstream, "faveo.jwt_secret": secret}).environ()...)
	eventually(t, "three replicas see one another", func() bool { return len(here.keys().Replicas) == 3 })
	kept, ended := here.login("alice", "cheap"), here.login("alice", "cheap")
	for _, token := range []string{kept, ended} {
		if got := here.at(hung, token); got.status != http.StatusOK {
			t.Fatalf("before it hangs: %d %s", got.status, got.body)
		}
	}

	signal(t, hung, syscall.SIGSTOP)
	t.Cleanup(func() { signal(t, hung, syscall.SIGCONT) })
	stopped := time.Now()
	there.wantServed("the other replica", ended)
	here.send(http.MethodPost, "/api/v1/authenticate/logout", "", bearer(ended))
	eventually(t, "the revocation", func() bool {
		return there.send(http.MethodGet, priority, "", bearer(ended)).status == http.StatusUnauthorized
	})
	if took := time.Since(stopped); took > time.Second {
		t.Errorf("a revocation took %v beside a replica that hangs", took)
	}

	kid := here.rotate("EdDSA")
	if d := here.keys(); d.Rotation.Waiting == "" || slices.Contains(d.in("active"), kid) {
		t.Errorf("the rotation does not wait for the replica that hangs: %+v", d.Rotation)
	}
	here.awaitActive(kid)
	t.Logf("the rotation went on %v after the replica had hung", time.Since(stopped).Round(100*time.Millisecond))
	fresh := there.login("alice", "cheap")

	signal(t, hung, syscall.SIGCONT)
	back := time.Now()
	eventually(t, "it knows the new key", func() bool { return here.at(hung, fresh).status == http.StatusOK })
	eventually(t, "it knows of the session that has ended", func() bool { return here.at(hung, ended).status == http.StatusUnauthorized })
	if took := time.Since(back); took > 2*time.Second {
		t.Errorf("it took %v to catch up", took)
	}
	if got := here.at(hung, kept); got.status != http.StatusOK {
		t.Errorf("a token of before: %d %s", got.status, got.body)
	}
}

func signal(t *testing.T, p process, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.pid, s); err != nil {
		t.Fatal(err)
	}
}
