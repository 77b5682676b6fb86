package config

import (
	"log/slog"

	"faveo-gateway/gateway/audit"
)

// Observability is the section `observability`: what the gateway tells.
type Observability struct {
	Log     Log          `yaml:"log"`
	Audit   audit.Config `yaml:"audit"`
	Tracing Tracing      `yaml:"tracing"`
}

func defaultObservability() Observability {
	return Observability{
		Log: Log{Level: LevelInfo, Format: FormatJSON}, Audit: audit.DefaultConfig(), Tracing: defaultTracing(),
	}
}

// Level is the least severity that is logged.
type Level string

// The closed set of levels.
const (
	LevelDebug Level = "debug"
	LevelInfo  Level = "info"
	LevelWarn  Level = "warn"
	LevelError Level = "error"
)

// Format is the form of a line of the log.
type Format string

// The closed set of formats.
const (
	FormatJSON Format = "json" // one JSON object, for machines
	FormatText Format = "text" // key=value, for a terminal
)

// Log is the section `observability.log`.
type Log struct {
	// Level is the least severity that is logged. Default "info".
	Level Level `yaml:"level"`
	// Format is the form of a line. Default "json".
	Format Format `yaml:"format"`
}

// Validate reports every fault of g by its path below `observability.log`.
func (g Log) Validate(report func(path, message string)) {
	if _, ok := g.Level.slog(); !ok {
		report("level", "must be debug, info, warn or error")
	}
	if g.Format != FormatJSON && g.Format != FormatText {
		report("format", "must be json or text")
	}
}

var _ slog.Leveler = LevelInfo

// Level implements slog.Leveler; an unknown level is slog.LevelInfo.
func (v Level) Level() slog.Level {
	level, _ := v.slog()
	return level
}

func (v Level) slog() (slog.Level, bool) {
	switch v {
	case LevelDebug:
		return slog.LevelDebug, true
	case LevelInfo:
		return slog.LevelInfo, true
	case LevelWarn:
		return slog.LevelWarn, true
	case LevelError:
		return slog.LevelError, true
	default:
		return slog.LevelInfo, false
	}
}
