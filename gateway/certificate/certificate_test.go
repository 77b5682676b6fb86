package certificate_test

import (
	"crypto/tls"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"faveo-gateway/gateway/certificate"
	"faveo-gateway/gateway/certificate/certificatetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const name = "helpdesk.test"

// site is a listener with a certificate that can be exchanged.
type site struct {
	t         *testing.T
	authority *certificatetest.Authority
	folder    string
	files     certificate.Files
	source    *certificate.Source
	address   string
}

// serve starts a site whose answers name the protocol.
func serve(t *testing.T, clientCA string) *site {
	t.Helper()
	s := &site{t: t, authority: certificatetest.NewAuthority(t), folder: t.TempDir()}
	s.files.Cert, s.files.Key = s.authority.Issue(certificatetest.Leaf{Names: []string{name}}).Files(s.folder)
	s.files.ClientCA = clientCA
	var err error
	if s.source, err = certificate.New(s.files); err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = plain.Addr().String()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }),
		ReadHeaderTimeout: time.Minute,
	}
	listener := certificate.Secure(server, plain, s.source.TLS())
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

// exchange writes a new pair over the files and returns it.
func (s *site) exchange() certificatetest.Pair {
	s.t.Helper()
	pair := s.authority.Issue(certificatetest.Leaf{Names: []string{name}})
	pair.Files(s.folder)
	return pair
}

// shake makes a connection and returns what was agreed on.
func (s *site) shake(change func(*tls.Config)) (tls.ConnectionState, error) {
	config := &tls.Config{RootCAs: s.authority.Pool(), ServerName: name}
	if change != nil {
		change(config)
	}
	conn, err := tls.Dial("tcp", s.address, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

// serial is the number of the certificate that a new connection meets.
func (s *site) serial() *big.Int {
	s.t.Helper()
	state, err := s.shake(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.PeerCertificates[0].SerialNumber
}

// client is an HTTP client of the site.
func (s *site) client(http2 bool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool(), ServerName: name}, ForceAttemptHTTP2: http2,
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks once and returns the body and whether the connection had been used before.
func (s *site) get(client *http.Client) (body string, reused bool) {
	s.t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(s.t.Context(), trace), http.MethodGet, "https://"+s.address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text), reused
}

func TestWhatIsAgreedOn(t *testing.T) {
	s := serve(t, "")
	for _, test := range []struct {
		name     string
		change   func(*tls.Config)
		version  uint16
		protocol string
	}{
		{"TLS 1.3", nil, tls.VersionTLS13, ""},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, tls.VersionTLS12, ""},
		{"HTTP/2 first", func(c *tls.Config) { c.NextProtos = []string{"http/1.1", "h2"} }, tls.VersionTLS13, "h2"},
		{"HTTP/1.1", func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, tls.VersionTLS13, "http/1.1"},
	} {
		state, err := s.shake(test.change)
		if err != nil || state.Version != test.version || state.NegotiatedProtocol != test.protocol {
			t.Errorf("%s: version %x, protocol %q, error %v", test.name, state.Version, state.NegotiatedProtocol, err)
		}
	}
	for _, test := range []struct {
		name   string
		change func(*tls.Config)
		want   string
	}{
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "protocol version"},
		{"no forward secrecy", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
		}, "handshake failure"},
		{"no authenticated encryption", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, "handshake failure"},
		{"a protocol of its own", func(c *tls.Config) { c.NextProtos = []string{"acme-tls/1"} }, "no application protocol"},
	} {
		if _, err := s.shake(test.change); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

// TestExchangeWhileConnected exchanges the certificate under connections that go on.
func TestExchangeWhileConnected(t *testing.T) {
	for _, protocol := range []struct {
		name  string
		http2 bool
	}{{"HTTP/1.1", false}, {"HTTP/2.0", true}} {
		s := serve(t, "")
		client := s.client(protocol.http2)
		if body, _ := s.get(client); body != protocol.name {
			t.Fatalf("spoken is %s, want %s", body, protocol.name)
		}
		before := s.serial()
		pair := s.exchange()
		if s.serial().Cmp(before) != 0 {
			t.Errorf("%s: files that nobody read anew are served", protocol.name)
		}
		if err := s.source.Replace(s.files); err != nil {
			t.Fatal(err)
		}
		if got := s.serial(); got.Cmp(pair.Leaf.SerialNumber) != 0 {
			t.Errorf("%s: new connections meet %v, want %v", protocol.name, got, pair.Leaf.SerialNumber)
		}
		if body, reused := s.get(client); body != protocol.name || !reused {
			t.Errorf("%s: the connection did not go on: %s, reused %v", protocol.name, body, reused)
		}
		if !s.source.Expiry().Equal(pair.Leaf.NotAfter) {
			t.Errorf("%s: expiry %v, want %v", protocol.name, s.source.Expiry(), pair.Leaf.NotAfter)
		}
	}
}

// TestPrepareChangesNothing holds the two halves of an exchange apart.
func TestPrepareChangesNothing(t *testing.T) {
	s := serve(t, "")
	before := s.serial()
	pair := s.exchange()
	commit, err := s.source.Prepare(s.files)
	if err != nil {
		t.Fatal(err)
	}
	if s.serial().Cmp(before) != 0 {
		t.Error("it serves what was not committed")
	}
	commit()
	if s.serial().Cmp(pair.Leaf.SerialNumber) != 0 {
		t.Error("it does not serve what was committed")
	}
}

// TestBadFiles keep the old certificate, and are named by their key.
func TestBadFiles(t *testing.T) {
	s := serve(t, "")
	before, until := s.serial(), s.source.Expiry()
	good, other := s.authority.Issue(certificatetest.Leaf{Names: []string{name}}), s.authority.Issue(certificatetest.Leaf{Names: []string{name}})
	past := s.authority.Issue(certificatetest.Leaf{Names: []string{name}, Until: time.Now().Add(-time.Minute)})
	future := s.authority.Issue(certificatetest.Leaf{Names: []string{name}, From: time.Now().Add(time.Minute)})
	for _, test := range []struct {
		name      string
		cert, key []byte
		clientCA  []byte
		want      string
	}{
		{"no certificate", nil, good.Key, nil, "cert_file: "},
		{"an empty certificate", []byte{}, good.Key, nil, "cert_file: the file holds no certificate"},
		{"half a certificate", good.Cert[:len(good.Cert)/2], good.Key, nil, "cert_file: "},
		{"a broken certificate", []byte(strings.Replace(string(good.Cert), "MII", "MIM", 1)), good.Key, nil, "cert_file: certificate 1 of the file"},
		{"a key among the certificates", append(slices.Clone(good.Cert), good.Key...), good.Key, nil, "cert_file: the file holds something else"},
		{"no key", good.Cert, nil, nil, "key_file: "},
		{"half a key", good.Cert, good.Key[:len(good.Key)/2], nil, "key_file: "},
		{"another's key", good.Cert, other.Key, nil, "key_file: "},
		{"a certificate that is over", past.Cert, past.Key, nil, "cert_file: the certificate was valid until "},
		{"a certificate that is not yet", future.Cert, future.Key, nil, "cert_file: the certificate is not valid before "},
		{"empty authorities", good.Cert, good.Key, []byte{}, "client_ca_file: "},
	} {
		folder := t.TempDir()
		put := func(file string, text []byte) string {
			file = filepath.Join(folder, file)
			if text != nil {
				if err := os.WriteFile(file, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return file
		}
		files := certificate.Files{Cert: put("cert", test.cert), Key: put("key", test.key)}
		if test.clientCA != nil {
			files.ClientCA = put("ca", test.clientCA)
		}
		err := s.source.Replace(files)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error shows a key: %v", test.name, err)
		}
		if got := s.serial(); got.Cmp(before) != 0 || !s.source.Expiry().Equal(until) {
			t.Errorf("%s: it serves %v, want the old %v", test.name, got, before)
		}
		if _, err := certificate.New(files); (err == nil) != strings.Contains(test.name, "that is") {
			t.Errorf("%s: a start says %v", test.name, err)
		}
	}
}

// TestCertificateThatIsOverAndServes keeps nobody from taking over what else there is,
// and is not to be had for another one.
func TestCertificateThatIsOverAndServes(t *testing.T) {
	s := serve(t, "")
	past := certificatetest.Leaf{Names: []string{name}, Until: time.Now().Add(-time.Minute)}
	s.authority.Issue(past).Files(s.folder)
	source, err := certificate.New(s.files)
	if err != nil {
		t.Fatal(err)
	}
	files := s.files
	files.ClientCA = s.authority.File()
	if err := source.Replace(files); err != nil {
		t.Errorf("the same certificate, and clients are asked for theirs: %v", err)
	}
	s.authority.Issue(past).Files(s.folder)
	if err := source.Replace(s.files); err == nil {
		t.Error("another certificate that is over is served")
	}
}

func TestFilesAreThoseToWatch(t *testing.T) {
	for _, test := range []struct {
		files certificate.Files
		want  []string
	}{
		{certificate.Files{}, nil},
		{certificate.Files{Cert: "/c", Key: "/k"}, []string{"/c", "/k"}},
		{certificate.Files{Cert: "/c", Key: "/k", ClientCA: "/a"}, []string{"/c", "/k", "/a"}},
	} {
		if got := test.files.List(); !slices.Equal(got, test.want) {
			t.Errorf("files are %v, want %v", got, test.want)
		}
	}
}

// TestClientCertificates asks for certificates of the authority and of no other, and
// forgets an authority as soon as it is exchanged.
func TestClientCertificates(t *testing.T) {
	first, second := certificatetest.NewAuthority(t), certificatetest.NewAuthority(t)
	s := serve(t, first.File())
	sessions := tls.NewLRUClientSessionCache(8)
	try := func(pairs ...tls.Certificate) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
			RootCAs: s.authority.Pool(), ServerName: name, Certificates: pairs, ClientSessionCache: sessions,
		}}}
		response, err := client.Get("https://" + s.address)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	mine, yours := first.Issue(certificatetest.Leaf{}).TLS(), second.Issue(certificatetest.Leaf{}).TLS()
	server := first.Issue(certificatetest.Leaf{Names: []string{name}}).TLS()
	late := first.Issue(certificatetest.Leaf{Until: time.Now().Add(-time.Minute)}).TLS()
	if err := try(); err == nil {
		t.Error("a client without a certificate gets in")
	}
	if err := try(yours); err == nil {
		t.Error("a client of another authority gets in")
	}
	if err := try(server); err == nil {
		t.Error("the certificate of a server gets in as a client's")
	}
	if err := try(late); err == nil {
		t.Error("a certificate that is over gets in")
	}
	if err := try(mine); err != nil {
		t.Errorf("a client of the authority: %v", err)
	}
	files := s.files
	files.ClientCA = second.File()
	if err := s.source.Replace(files); err != nil {
		t.Fatal(err)
	}
	if err := try(mine); err == nil {
		t.Error("a client of the old authority gets in, perhaps by a session resumed")
	}
	if err := try(yours); err != nil {
		t.Errorf("a client of the new authority: %v", err)
	}
}

// TestExchangeDuringHandshakes is for the race detector, and for pairs that do not
// belong together: each handshake proves possession of the key.
func TestExchangeDuringHandshakes(t *testing.T) {
	s := serve(t, "")
	folders := [2]certificate.Files{s.files}
	folders[1].Cert, folders[1].Key = s.authority.Issue(certificatetest.Leaf{Names: []string{name}}).Files(t.TempDir())
	var (
		shaking sync.WaitGroup
		stop    = make(chan struct{})
		met     = make([]map[string]bool, 4)
	)
	for i := range met {
		met[i] = map[string]bool{}
		shaking.Go(func() {
			for range 50 {
				state, err := s.shake(nil)
				if err != nil {
					t.Errorf("a handshake during an exchange: %v", err)
					return
				}
				met[i][state.PeerCertificates[0].SerialNumber.String()] = true
			}
		})
	}
	var exchanging sync.WaitGroup
	exchanging.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.source.Replace(folders[i%2]); err != nil {
				t.Errorf("exchange: %v", err)
				return
			}
			_ = s.source.Expiry()
		}
	})
	shaking.Wait()
	close(stop)
	exchanging.Wait()
	all := map[string]bool{}
	for _, m := range met {
		for serial := range m {
			all[serial] = true
		}
	}
	if len(all) != 2 {
		t.Errorf("handshakes met %d certificates, want both", len(all))
	}
}

// TestOverIsServedAtAStart: clients judge, and a gateway that is down is no safer.
func TestOverIsServedAtAStart(t *testing.T) {
	authority := certificatetest.NewAuthority(t)
	past := authority.Issue(certificatetest.Leaf{Names: []string{name}, Until: time.Now().Add(-time.Minute)})
	var files certificate.Files
	files.Cert, files.Key = past.Files(t.TempDir())
	source, err := certificate.New(files)
	if err != nil || !source.Expiry().Equal(past.Leaf.NotAfter) {
		t.Fatalf("error %v", err)
	}
}
