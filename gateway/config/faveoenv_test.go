package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"faveo-gateway/gateway/config"
)

// installed is what the installer of v2.0.3 writes, with the JWT_SECRET that
// `artisan jwt:secret` appends.
const installed = `APP_DEBUG=false
APP_BUGSNAG=true
APP_URL=http://helpdesk.example.com/community/public
APP_KEY=base64:h3KjrHeVxyE+j6c8whTAs2YI+7goylGZ/e2vElgXT6I=
DB_TYPE=mysql
DB_HOST="db.internal"
DB_PORT=""
DB_DATABASE="faveo"
DB_USERNAME="faveo"
DB_PASSWORD="p@ss:w/rd#%$X"
DB_ENGINE=InnoDB
MAIL_PASSWORD=null
JWT_TTL=4
REDIS_DATABASE=0
JWT_SECRET=x7Zq2yLk0aVb3nMw5pRt8sUf1gHd4jKc6eXo9iQzTrYuIoPaSdFgHjKlZxCvBnM1
`

func TestFaveoEnvIsEnough(t *testing.T) {
	c := load(t, config.Sources{FaveoEnv: write(t, ".env", installed)})
	for name, pair := range map[string][2]string{
		"faveo.database":   {c.Faveo.Database.Reveal(), "mysql://faveo:p%40ss%3Aw%2Frd%23%25$X@db.internal:3306/faveo"},
		"faveo.jwt_secret": {c.Faveo.JWTSecret.Reveal(), "x7Zq2yLk0aVb3nMw5pRt8sUf1gHd4jKc6eXo9iQzTrYuIoPaSdFgHjKlZxCvBnM1"},
		"server.base_path": {c.Server.BasePath, "/community/public"},
		"redis.url":        {c.Redis.URL.Reveal(), "redis://127.0.0.1:6379/0"},
		"faveo.urls":       {strings.Join(c.Faveo.URLs, " "), "http://127.0.0.1:8000"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	if c.Tokens.TTL != 4*time.Minute {
		t.Errorf("tokens.ttl is %v, want JWT_TTL in minutes", c.Tokens.TTL)
	}
}

func TestFaveoEnvValues(t *testing.T) {
	const base = "DB_DATABASE=d\nDB_USERNAME=u\nDB_PASSWORD=p\nJWT_SECRET=0123456789012345678901234567890123\n"
	for _, test := range []struct {
		name, env string
		read      func(*config.Config) string
		want      string
	}{
		{"no host", "", database, "mysql://u:p@127.0.0.1:3306/d"},
		{"IPv6 host", "DB_HOST=::1\nDB_PORT=3307", database, "mysql://u:p@[::1]:3307/d"},
		{"null host", "DB_HOST=null", database, "mysql://u:p@127.0.0.1:3306/d"},
		{"null password", "DB_PASSWORD=null", database, "mysql://u:@127.0.0.1:3306/d"},
		{"password true", "DB_PASSWORD=true", database, "mysql://u:1@127.0.0.1:3306/d"},
		{"connection mysql", "DB_CONNECTION=mysql", database, "mysql://u:p@127.0.0.1:3306/d"},
		{"socket", "DB_SOCKET=/run/mysqld/mysqld.sock", database, "mysql://u:p@/d?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock"},
		{"reference", "HOST=db\nDB_HOST=${HOST}", database, "mysql://u:p@db:3306/d"},
		{"dollar in single quotes", "DB_PASSWORD='${X}'", database, "mysql://u:$%7BX%7D@127.0.0.1:3306/d"},
		{"redis", "REDIS_HOST=r\nREDIS_PORT=6380\nREDIS_PASSWORD=null", redis, "redis://r:6380/0"},
		{"redis password", "REDIS_HOST=r\nREDIS_PASSWORD=\"a@b/c\"", redis, "redis://:a%40b%2Fc@r:6379/0"},
		{"redis password only", "REDIS_PASSWORD=x", redis, "redis://:x@127.0.0.1:6379/0"},
		{"no redis", "REDIS_PORT=6380", redis, "redis://127.0.0.1:6379/0"},
		{"root URL", "APP_URL=https://a/", basePath, ""},
		{"URL without path", "APP_URL=https://a", basePath, ""},
		{"URL with index.php", "APP_URL=https://a/faveo/index.php", basePath, "/faveo"},
		{"no TTL", "", ttl, "1h0m0s"},
		{"null TTL", "JWT_TTL=null", ttl, "1h0m0s"},
		{"TTL", "JWT_TTL=60", ttl, "1h0m0s"},
		{"TTL of a week", "JWT_TTL=10080", ttl, "168h0m0s"},
		{"quoted TTL", "JWT_TTL=\"30\"", ttl, "30m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, config.Sources{FaveoEnv: write(t, ".env", base+test.env+"\n")})
			if got := test.read(c); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func database(c *config.Config) string { return c.Faveo.Database.Reveal() }
func redis(c *config.Config) string    { return c.Redis.URL.Reveal() }
func basePath(c *config.Config) string { return c.Server.BasePath }
func ttl(c *config.Config) string      { return c.Tokens.TTL.String() }

func TestFaveoEnvFaults(t *testing.T) {
	const base = "DB_DATABASE=d\nDB_USERNAME=u\nDB_PASSWORD=" + marked + "\nJWT_SECRET=" + marked + marked + "\n"
	for _, test := range []struct {
		name, env string
		want      []string
	}{
		{"no secret", "JWT_SECRET=", []string{"default: faveo.jwt_secret: is required; it is JWT_SECRET in the .env of Faveo"}},
		{"no database", "DB_DATABASE=\nDB_USERNAME=", []string{"default: faveo.database: is required: write mysql://user:password@host:3306/name"}},
		{"no database name", "DB_DATABASE=", []string{".env:5: faveo.database: DB_DATABASE is missing"}},
		{"no user", "DB_USERNAME=null", []string{".env:1: faveo.database: DB_USERNAME is missing"}},
		{"PostgreSQL", "DB_CONNECTION=pgsql", []string{".env:5: faveo.database: DB_CONNECTION is not mysql, the only kind that is read from here"}},
		{"DATABASE_URL", "DATABASE_URL=mysql://u:" + marked + "@h/d", []string{".env:5: faveo.database: DATABASE_URL is not read; set faveo.database to it"}},
		{"host with a port", "DB_HOST=h:3307", []string{".env:5: faveo.database: DB_HOST is not a host name or an address"}},
		{"port", "DB_PORT=" + marked, []string{".env:5: faveo.database: DB_PORT is not a port"}},
		{"password with an outside reference", "DB_PASSWORD=\"" + marked + "${X}\"", []string{".env:1: faveo.database: DB_PASSWORD refers to a variable that this file does not define; a ${ that is meant as text needs single quotes"}},
		{"secret with an outside reference", "JWT_SECRET=${" + marked + "}", []string{".env:5: faveo.jwt_secret: JWT_SECRET refers to a variable that this file does not define; a ${ that is meant as text needs single quotes"}},
		{"reference through another", "A=${X}\nJWT_SECRET=${A}", []string{".env:6: faveo.jwt_secret: JWT_SECRET refers to a variable that this file does not define; a ${ that is meant as text needs single quotes"}},
		{"secret with a line break", "JWT_SECRET=\"" + marked + "\\n\"", []string{".env:5: faveo.jwt_secret: contains a line break or another control character"}},
		{"TTL", "JWT_TTL=4m", []string{".env:5: tokens.ttl: JWT_TTL must be a whole number of minutes"}},
		{"TTL zero", "JWT_TTL=0", []string{".env:5: tokens.ttl: JWT_TTL must be a whole number of minutes"}},
		{"APP_URL", "APP_URL=http://a/b%2fc", []string{".env:5: server.base_path: must be empty or a plain path such as /community/public, without a slash at the end"}},
		{"APP_URL with a password", "APP_URL=\"http://u:" + marked + "@a:b/\"", []string{".env:5: server.base_path: APP_URL is not a URL"}},
		{"TTL beyond all bounds", "JWT_TTL=99999999999999999999", []string{".env:5: tokens.ttl: JWT_TTL must be a whole number of minutes"}},
		{"redis socket", "REDIS_HOST=/run/redis.sock", []string{".env:5: redis.url: REDIS_HOST is not a host name or an address"}},
		{"blanks", "A=" + marked + " " + marked, []string{".env:5: is not a .env that Laravel can read: text follows the value; put a value with blanks in double quotes"}},
		{"name", marked + "-=a", []string{".env:5: is not a .env that Laravel can read: the name before the equals sign is not valid"}},
		{"quote", "A='" + marked, []string{".env:5: is not a .env that Laravel can read: a quote is never closed"}},
		{"quote over lines", "A=\"" + marked + "\nB=c", []string{".env:5: is not a .env that Laravel can read: a quote is never closed"}},
		{"escape", "A=\"" + marked + "\\q\"", []string{".env:5: is not a .env that Laravel can read: the value contains an unknown escape"}},
		{"not UTF-8", "A=\xff" + marked, []string{".env:1: is not a .env that Laravel can read: the file is not UTF-8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, ".env", base+test.env+"\n")
			faults := loadFaults(t, config.Sources{FaveoEnv: file})
			for i := range faults {
				faults[i].Source = strings.Replace(faults[i].Source, file, ".env", 1)
			}
			wantFaults(t, faults, test.want...)
			if leaks(faults.Error()) {
				t.Error("a secret is shown")
			}
		})
	}
}

// TestFaveoEnvKeepsTLS: dropping the certificate authority that PHP insists on
// would send passwords in the clear.
func TestFaveoEnvKeepsTLS(t *testing.T) {
	env := write(t, ".env", "DB_DATABASE=d\nDB_USERNAME=u\nDB_PASSWORD="+marked+"\nJWT_SECRET="+marked+"\nMYSQL_ATTR_SSL_CA=/nowhere/ca.pem\n")
	faults := loadFaults(t, config.Sources{FaveoEnv: env})
	if len(faults) != 1 || faults[0].Path != "faveo.database" || faults[0].Line != 1 || !strings.Contains(faults[0].Message, "tls_ca") || leaks(faults.Error()) {
		t.Errorf("faults are %v, want that the authority cannot be read", faults)
	}
}

// TestFaveoEnvIsJudgedOnlyWhereItCounts: a site whose .env says something that
// the gateway cannot use sets the key, and the .env is no fault any more.
func TestFaveoEnvIsJudgedOnlyWhereItCounts(t *testing.T) {
	env := write(t, ".env", "DB_CONNECTION=pgsql\nDB_DATABASE=d\nJWT_SECRET=\"a\\nb\"\nJWT_TTL=never\nAPP_URL=http://a/b%2fc\n")
	c := load(t, config.Sources{
		FaveoEnv: env, Environ: required(),
		File: write(t, "c.yaml", "tokens:\n  ttl: 2h\nserver:\n  base_path: /b\n"),
	})
	if c.Tokens.TTL != 2*time.Hour || c.Server.BasePath != "/b" {
		t.Errorf("ttl is %v, base path %q", c.Tokens.TTL, c.Server.BasePath)
	}
}

func TestFaveoEnvUnreadable(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	wantFaults(t, loadFaults(t, config.Sources{FaveoEnv: file, Environ: required()}), file+": cannot be read: no such file or directory")
	folder := t.TempDir()
	wantFaults(t, loadFaults(t, config.Sources{FaveoEnv: folder, Environ: required()}), folder+": cannot be read: is a directory")
}
