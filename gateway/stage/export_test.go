package stage

// SetTraceID makes the request part of a sampled trace.
func (x *Exchange) SetTraceID(id string) { x.traceID = id }
