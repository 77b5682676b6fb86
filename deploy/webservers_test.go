package deploy_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"faveo-gateway/gateway/storetest/service"
	"faveo-gateway/upstream/standin"
)

// TestNginx runs nginx.conf: nginx, the gateway, nginx, FastCGI.
func TestNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	service.Require(t, "nginx", err)
	s := newSite(t)
	user := ""
	if os.Getuid() == 0 {
		user = "user www-data;\n"
	}
	configuration := s.write(t, "nginx.conf", user+"daemon off;\npid "+s.folder+"/pid;\nerror_log stderr;\nevents {}\nhttp {\n"+
		"client_body_temp_path "+s.folder+"/body;\nproxy_temp_path "+s.folder+"/proxy;\nfastcgi_temp_path "+s.folder+"/fastcgi;\n"+
		"uwsgi_temp_path "+s.folder+"/uwsgi;\nscgi_temp_path "+s.folder+"/scgi;\n"+
		s.sample(t, "nginx.conf", [][2]string{
			{"    listen [::]:443 ssl http2;\n", ""},
			{"    listen [::]:80;\n", ""},
			{"listen 443 ssl http2", "listen " + s.front + " ssl http2"},
			{"listen 80;", "listen " + s.plain + ";"},
			{"listen 127.0.0.1:8000", "listen " + s.inner},
			{"server 127.0.0.1:8080", "server " + s.gateway},
			{"/etc/ssl/certs/", s.folder + "/"},
			{"/etc/ssl/private/", s.folder + "/"},
			{"/var/log/nginx/", s.folder + "/"},
			{"/var/www/faveo/public", s.folder + "/public"},
			{"include fastcgi_params", "include /etc/nginx/fastcgi_params"},
			{"unix:/run/php/php8.2-fpm.sock", s.php.address},
		})+"}\n")
	if out, err := exec.Command(nginx, "-t", "-q", "-p", s.folder, "-c", configuration).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	s.run(t, s.inner, nginx, "-p", s.folder, "-c", configuration)
	s.runGateway(t)
	s.judge(t)
	// Only the front controller runs, and no file that begins with a dot is shown.
	for _, path := range []string{"/install.php", "/.env"} {
		if status, body := s.get(t, path, ""); status != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", path, status, body)
		}
	}
}

// TestApache runs apache.conf: Apache, the gateway, Apache, FastCGI.
func TestApache(t *testing.T) {
	apache, err := exec.LookPath("apache2")
	service.Require(t, "apache2", err)
	s := newSite(t)
	head := "ServerRoot " + s.folder + "\nServerName localhost\nPidFile " + s.folder + "/pid\nErrorLog " + s.folder + "/error.log\nMutex file:" + s.folder + " default\n"
	if os.Getuid() == 0 {
		head += "User www-data\nGroup www-data\n"
	}
	// Those that the sample tells to enable, what Debian has on anyway, and FastCGI.
	for _, module := range strings.Fields("mpm_event authz_core authz_host dir mime ssl socache_shmcb proxy proxy_http proxy_fcgi headers remoteip rewrite setenvif") {
		head += "LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n"
	}
	head += "TypesConfig /dev/null\n<FilesMatch \\.php$>\n  SetHandler proxy:fcgi://" + s.php.address + "\n</FilesMatch>\n"
	configuration := s.write(t, "apache.conf", head+s.sample(t, "apache.conf", [][2]string{
		{"Listen 443", "Listen " + s.front},
		{"<VirtualHost *:443>", "<VirtualHost " + s.front + ">"},
		{"127.0.0.1:8000", s.inner},
		{"http://127.0.0.1:8080/", "http://" + s.gateway + "/"},
		{"/etc/ssl/certs/", s.folder + "/"},
		{"/etc/ssl/private/", s.folder + "/"},
		{"/var/log/apache2/", s.folder + "/"},
		{"/var/www/faveo/public", s.folder + "/public"},
	}))
	if out, err := exec.Command(apache, "-t", "-f", configuration).CombinedOutput(); err != nil {
		t.Fatalf("apache2 -t: %v\n%s", err, out)
	}
	s.run(t, s.inner, apache, "-D", "FOREGROUND", "-f", configuration)
	s.runGateway(t)
	s.judge(t)
}

// judge sends requests through all of the site and looks at what PHP and the logs
// made of them.
func (s *site) judge(t *testing.T) {
	t.Helper()
	status, body := s.get(t, "/api/v1/authenticate?username=demoadmin&password="+standin.Password, "POST")
	_, after, _ := strings.Cut(body, `"token":"`)
	token, _, _ := strings.Cut(after, `"`)
	if status != http.StatusOK || token == "" {
		t.Fatalf("login: %d %s", status, body)
	}

	// The bridge token came through, and PHP knows who the client is.
	for _, path := range []string{"/api/v1/helpdesk/tickets", "/"} {
		if status, body := s.get(t, path+"?token="+token, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
		got := s.php.visits()[path]
		if got.remoteAddr != "127.0.0.2" || !got.https {
			t.Errorf("%s: PHP sees the client %s, https %t; want 127.0.0.2 by https", path, got.remoteAddr, got.https)
		}
		if strings.Contains(got.forwardedFor, "6.6.6.6") || strings.Contains(got.authorization, token) {
			t.Errorf("%s: PHP sees %+v", path, got)
		}
	}
	if got := s.php.visits()["/api/v1/helpdesk/tickets"].authorization; !strings.HasPrefix(got, "Bearer ey") {
		t.Errorf("PHP sees the authorization %q", got)
	}

	// The path is judged as it came.
	if status, body := s.get(t, "/api/v1/helpdesk%2Ftickets?token="+token, ""); status != http.StatusBadRequest || !strings.Contains(body, "ambiguous_request") {
		t.Errorf("an encoded slash: %d %s, want ambiguous_request", status, body)
	}
	s.judgeLogs(t, token)
}

// judgeLogs looks for the requests, and for what must not be beside them.
func (s *site) judgeLogs(t *testing.T, token string) {
	t.Helper()
	for _, name := range []string{"helpdesk.log", "faveo.log"} {
		content, err := os.ReadFile(filepath.Join(s.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), "/api/v1/helpdesk/tickets") {
			t.Errorf("%s does not tell of the request:\n%s", name, content)
		}
		for _, secret := range []string{token[:20], standin.Password} {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s tells a token or password:\n%s", name, content)
			}
		}
	}
}

// get asks the front web server, with headers that a client has no right to.
func (s *site) get(t *testing.T, path, method string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://helpdesk.example.com"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "6.6.6.6")
	r.Header.Set("X-Forwarded-Proto", "http")
	answer, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(content)
}
