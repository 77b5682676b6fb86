package acme

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// How much of one message is logged: whoever begins handshakes that fail must not fill
// the log.
const (
	samplePeriod = time.Minute
	samplesEach  = 10
)

// newLogger is what certmagic logs to: the gateway's own log, at most samplesEach events
// with one message in a samplePeriod.
func newLogger(log *slog.Logger) *zap.Logger {
	core := slogCore{log.With(slog.String("part", "acme"))}
	return zap.New(zapcore.NewSamplerWithOptions(core, samplePeriod, samplesEach, 0))
}

// slogCore implements zapcore.Core on a slog.Logger.
type slogCore struct{ log *slog.Logger }

var _ zapcore.Core = slogCore{}

// Enabled implements zapcore.LevelEnabler. Debug is off whatever the log's own level: it
// tells every exchange with the authority, signed requests and all.
func (c slogCore) Enabled(level zapcore.Level) bool {
	return level >= zapcore.InfoLevel && c.log.Enabled(context.Background(), slogLevel(level))
}

// With implements zapcore.Core.
func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{slog.New(c.log.Handler().WithAttrs(attrs(fields)))}
}

// Check implements zapcore.Core.
func (c slogCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

// Write implements zapcore.Core.
func (c slogCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	c.log.LogAttrs(context.Background(), slogLevel(entry.Level), entry.Message, attrs(fields)...)
	return nil
}

// Sync implements zapcore.Core: the log is not ours to flush.
func (c slogCore) Sync() error { return nil }

// slogLevel keeps what would end a process an error: nothing of certmagic may.
func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// attrs are the fields in the order of their names.
func attrs(fields []zapcore.Field) []slog.Attr {
	encoder := zapcore.NewMapObjectEncoder()
	for _, field := range fields {
		field.AddTo(encoder)
	}
	all := make([]slog.Attr, 0, len(encoder.Fields))
	for _, name := range slices.Sorted(maps.Keys(encoder.Fields)) {
		all = append(all, slog.Any(name, encoder.Fields[name]))
	}
	return all
}
