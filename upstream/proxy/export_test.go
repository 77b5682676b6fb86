package proxy

import "context"

// CheckHealth is one round of Run.
func (p *Proxy) CheckHealth(ctx context.Context) { p.checkHealth(ctx) }
