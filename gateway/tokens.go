package gateway

import (
	"faveo-gateway/gateway/identity"
	"faveo-gateway/gateway/login"
	"faveo-gateway/gateway/stage"
	"faveo-gateway/gateway/token"
)

// tokens shows the issuer and the verifier to the login and to the authenticate
// stage.
type tokens struct {
	issuer   *token.Issuer
	verifier *token.Verifier
}

var (
	_ login.Tokens = tokens{}
	_ stage.Tokens = tokens{}
)

// Issue implements login.Tokens.
func (t tokens) Issue(s login.Subject) (login.Issued, error) {
	raw, claims, err := t.issuer.Issue(token.Subject{
		UserID: s.UserID, Role: string(s.Role), SessionID: s.SessionID, NotAfter: s.NotAfter,
	})
	if err != nil {
		return login.Issued{}, err
	}
	return login.Issued{Raw: raw, ID: claims.ID, KeyID: claims.KeyID, ExpiresAt: claims.ExpiresAt}, nil
}

// Seal implements login.Tokens.
func (tokens) Seal(holder, successor string) (string, error) {
	return token.SealSuccessor(holder, successor)
}

// Open implements login.Tokens.
func (tokens) Open(holder, sealed string) (string, error) {
	return token.OpenSuccessor(holder, sealed)
}

// Verify implements stage.Tokens.
func (t tokens) Verify(raw string) (identity.Token, error) {
	claims, err := t.verifier.Verify(raw)
	if err != nil {
		return identity.Token{}, err
	}
	return identity.Token{
		ID: claims.ID, UserID: claims.UserID, SessionID: claims.SessionID,
		ByFaveo: claims.Faveo, IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt,
	}, nil
}
