package stage_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/upstream/laravel"
)

// prover writes down what it is asked to prove callers for, and proves each by a grace.
type prover struct {
	uses  []identity.Use
	grace identity.Grace
}

func (*prover) Verify(string) (identity.Token, error) { return identity.Token{UserID: 7}, nil }

func (p *prover) Principal(_ context.Context, use identity.Use, _ identity.Token, _ identity.Client) (*identity.Principal, error) {
	p.uses = append(p.uses, use)
	return &identity.Principal{UserID: 7, Proof: identity.ProofToken, Grace: p.grace}, nil
}

func (p *prover) KeyPrincipal(_ context.Context, use identity.Use, _ *identity.Key) (*identity.Principal, error) {
	p.uses = append(p.uses, use)
	return &identity.Principal{UserID: 7, Proof: identity.ProofAPIKey, Grace: p.grace}, nil
}

// Admit implements stage.APIKeys: every text is a key of the user.
func (*prover) Admit(_ context.Context, text string, _ identity.Client) (*identity.Key, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // There is none.
	}
	return &identity.Key{ID: "k", UserID: 7}, nil
}

// TestUse: what a caller is proved for is by the request that PHP will get. What asks to be
// read as another one is refused before.
func TestUse(t *testing.T) {
	const refused identity.Use = -1
	for _, try := range []struct {
		method, target string
		want           identity.Use
		headers        []string
	}{
		{"GET", "/api/v1/helpdesk/ticket?ticket_id=1", identity.UseRead, nil},
		{"HEAD", "/api/v1/helpdesk/ticket", identity.UseRead, nil},
		{"POST", "/api/v1/helpdesk/ticket", identity.UseChange, nil},
		{"PUT", "/api/v1/helpdesk/ticket", identity.UseChange, nil},
		{"PATCH", "/api/v1/helpdesk/ticket", identity.UseChange, nil},
		{"DELETE", "/api/v1/helpdesk/ticket", identity.UseChange, nil},
		{"OPTIONS", "/api/v1/helpdesk/ticket", identity.UseChange, nil},
		{"GET", "/api/v1/helpdesk/api_key", identity.UseCredential, nil},
		{"HEAD", "/api/v1/helpdesk/api_key", identity.UseCredential, nil},
		{"POST", "/api/v1/helpdesk/api_key", identity.UseCredential, nil},
		{"GET", "/api/v1/helpdesk/api%5Fkey", refused, nil},
		{"GET", "/api/v1/helpdesk/api_key?x=1", identity.UseCredential, nil},
		{"GET", "/api/v1/helpdesk/api_key/", refused, nil},
		{"GET", "/api/v1/helpdesk//api_key", refused, nil},
		{"GET", "/api/v1/helpdesk/x/../api_key", refused, nil},
		{"GET", "/index.php/api/v1/helpdesk/api_key", refused, nil},
		{"POST", "/api/v1/helpdesk/ticket?_method=GET", refused, nil},
		{"GET", "/api/v1/helpdesk/ticket?_method=POST", refused, nil},
		{"GET", "/api/v1/helpdesk/ticket", refused, []string{"X-HTTP-Method-Override: POST"}},
		{"get", "/api/v1/helpdesk/ticket", refused, nil},
	} {
		for _, credential := range []string{"Authorization: Bearer t", "X-API-Key: k"} {
			p := &prover{}
			got := p.serve(try.method, try.target, append(try.headers, credential)...).uses
			if try.want == refused && len(got) > 0 || try.want != refused && (len(got) != 1 || got[0] != try.want) {
				t.Errorf("%s %s with %s: proved for %v, want %v", try.method, try.target, credential, got, try.want)
			}
		}
	}
}

// TestGraceIsLogged, and nothing is where there was none.
func TestGraceIsLogged(t *testing.T) {
	for grace, want := range map[identity.Grace]string{
		0: "", identity.GraceSession: `"grace":"session"`, identity.GraceAccount: `"grace":"account"`,
		identity.GraceSession | identity.GraceAccount: `"grace":"session,account"`,
	} {
		p := &prover{grace: grace}
		log := p.serve("GET", "/api/v1/helpdesk/ticket", "Authorization: Bearer t").log
		if !strings.Contains(log, want) || want == "" && strings.Contains(log, `"grace"`) || !strings.Contains(log, `"user_id":7`) {
			t.Errorf("the event of grace %d is %s, want %s", grace, log, want)
		}
	}
}

type served struct {
	uses []identity.Use
	log  string
}

// serve sends one request through the stages up to authenticate.
func (p *prover) serve(method, target string, headers ...string) served {
	a := &stage.Authenticator{Tokens: p, Sessions: p, APIKeys: p, Sources: identity.Sources(), BodyLimit: 1 << 10}
	d := newDoor(nil, func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	d.echo.Pre(stage.Canonicalize(laravel.NewReader("", laravel.Limits{})), a.Authenticate())
	r := httptest.NewRequest(method, target, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	d.echo.ServeHTTP(httptest.NewRecorder(), r)
	return served{p.uses, d.log.String()}
}
