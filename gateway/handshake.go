package gateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"faveo-gateway/gateway/config"
)

// errWrongSecret means that PHP does not accept what the gateway signs.
var errWrongSecret = errors.New("PHP refuses tokens that are signed with it: it is not the JWT_SECRET of that Faveo")

// nobody is a user id that no account has: the last one that the primary key's
// type, int unsigned, can count to.
const nobody = math.MaxUint32

// shakeHands makes sure that PHP accepts the bridge token. A PHP that is not up
// yet is no reason to stay down: the gateway logs it and serves what it can.
func (s *rooms) shakeHands(ctx context.Context, c *config.Config, log *slog.Logger) error {
	upstreams, err := c.Faveo.Upstreams()
	if err != nil {
		return err
	}
	secure, err := c.Proxy.TLS.Client()
	if err != nil {
		return fmt.Errorf("proxy.tls.%w", err)
	}
	client := directClient(secure)
	for _, upstream := range upstreams {
		mint := func() (string, error) { return s.bridge.Mint(nobody, "handshake") }
		err := handshake(ctx, client, upstream.JoinPath(c.Server.BasePath), mint)
		if errors.Is(err, errWrongSecret) {
			return fmt.Errorf("faveo.jwt_secret: %s: %w", upstream.Host, err)
		}
		if err != nil {
			log.Warn("cannot tell yet whether PHP accepts the bridge token",
				slog.String("upstream", upstream.Host), slog.Any("error", err))
		}
	}
	return nil
}

// directClient speaks past any proxy of the environment. A redirect is an answer: a token
// must not travel on. secure is what connections by https are made with; nil: the system's.
func directClient(secure *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: secure},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// handshake asks the Faveo behind base whether it accepts the bridge token. A
// token of nobody's is used, so that the right secret is answered "no such user"
// and no account's data travels.
//
// It returns errWrongSecret when PHP refuses the signature, and another error
// when PHP does not answer or answers something else; only the first is proof
// of a wrong setting.
func handshake(ctx context.Context, client *http.Client, base *url.URL, mint func() (string, error)) error {
	token, err := mint()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	target := base.JoinPath("api/v1/authenticate/user").String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask PHP: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read PHP's answer: %w", err)
	}
	return readHandshake(response.StatusCode, body)
}

// readHandshake tells the answers of the versions of Faveo apart (faveo-contract
// README, sections 2 and 6).
func readHandshake(status int, body []byte) error {
	var answer struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("PHP answers %d and no JSON: is this a Faveo?", status)
	}
	said := strings.ToLower(answer.Message + answer.Error)
	switch {
	case strings.Contains(said, "user not found"), strings.Contains(said, "user_not_found"):
		return nil
	case strings.Contains(said, "signature"), strings.Contains(said, "token_invalid"):
		return errWrongSecret
	default:
		return fmt.Errorf("PHP answers %d to the bridge token", status)
	}
}
