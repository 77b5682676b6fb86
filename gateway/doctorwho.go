package gateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"faveo-gateway/gateway/doctor"
)

// sessionsPath is a route that Faveo does not have, and a gateway answers without a token
// by a refusal of its own form.
const sessionsPath = "api/v1/authenticate/sessions"

// whoAnswers asks who is at an origin, as a stranger who sends nothing that anybody could
// use. The error means that nobody answers.
//
// The key set is asked for first, because that leaves no trace. Only where it is not
// passed on to a gateway, the last question is asked, which is one refused request in its
// log.
func whoAnswers(ctx context.Context, client *http.Client, origin *url.URL, basePath, host string) (doctor.Answerer, error) {
	keys, err := ask(ctx, client, origin.JoinPath(jwksPath), host)
	if err != nil {
		return "", err
	}
	if keys.isKeySet() {
		return doctor.AnswererGateway, nil
	}
	base := origin.JoinPath(basePath)
	check, err := ask(ctx, client, base.JoinPath(checkURLPath), host)
	if err != nil {
		return "", err
	}
	if !check.isFaveo() {
		return doctor.AnswererOther, nil
	}
	sessions, err := ask(ctx, client, base.JoinPath(sessionsPath), host)
	if err != nil {
		return "", err
	}
	if sessions.isGateway() {
		return doctor.AnswererGateway, nil
	}
	return doctor.AnswererFaveo, nil
}

// answered is as much of an answer as is looked at.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a GET without credentials, to a virtual host when one is named.
func ask(ctx context.Context, client *http.Client, target *url.URL, host string) (answered, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return answered{}, fmt.Errorf("make request: %w", err)
	}
	request.Host = host
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "faveo-gateway doctor")
	response, err := client.Do(request)
	if err != nil {
		return answered{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return answered{response.StatusCode, response.Header, body}, err
}

// isKeySet recognises a document of RFC 7517 section 5.
func (a answered) isKeySet() bool {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	return a.status == http.StatusOK && json.Unmarshal(a.body, &set) == nil && set.Keys != nil
}

// isFaveo recognises what check-url answers.
func (a answered) isFaveo() bool {
	var said struct {
		Status string `json:"status"`
	}
	return a.status == http.StatusOK && json.Unmarshal(a.body, &said) == nil && said.Status == "success"
}

// isGateway recognises the form of a refusal.
func (a answered) isGateway() bool {
	var refusal struct {
		Error     string `json:"error"`
		RequestID string `json:"request_id"`
	}
	return a.status == http.StatusUnauthorized && json.Unmarshal(a.body, &refusal) == nil &&
		refusal.Error == tokenNotProvided.code && refusal.RequestID != ""
}

// siteOf splits the address of a site, which the installer may have ended in a slash or in
// index.php. Its error shows nothing of the text.
func siteOf(text string) (origin *url.URL, basePath string, err error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "", errors.New("the site's address is no URL")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/index.php")
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, path, nil
}

// withoutSecrets is the address of a site, which siteOf has read, without what may be
// anybody's credentials: a user with his password, a query, a fragment.
func withoutSecrets(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return "" // Not where siteOf has read it.
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// strangersClient is for addresses that no certificate is made out for. It names the
// virtual host in TLS as well: a web server may refuse there who names another. It sends
// nothing that matters, and what it is told is believed for a warning only.
func strangersClient(host string) *http.Client {
	name := (&url.URL{Host: host}).Hostname()
	return directClient(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, ServerName: name})
}
