package admin

import "context"

// Caller is who asks for an operation, as far as one bearer token for everybody tells:
// for whoever carries it out to note down. None of it is a credential.
type Caller struct {
	// RequestID is that of the log.
	RequestID string
	// Address is the client's, Agent its User-Agent as it sent it.
	Address, Agent string
}

type callerKey struct{}

// withCaller makes the context in which an operation is carried out.
func withCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns who has asked for what is carried out in the context. It is the zero
// Caller when that is no operation of the API.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
