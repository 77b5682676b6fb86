package cli

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"faveo-gateway/gateway/config"
)

// settings are the flags that say where the configuration is.
type settings struct {
	file     string
	faveoEnv string
}

func (s *settings) register(command *cobra.Command) {
	command.Flags().StringVarP(&s.file, "config", "c", "", "the configuration, a YAML `file`")
	command.Flags().StringVar(&s.faveoEnv, "faveo-env", "", "Faveo's own .env `file`, for what the configuration leaves open")
}

// load reads the configuration from all its sources.
func (s *settings) load(p Process) (*config.Config, error) {
	return config.Load(s.sources(p))
}

// sources are the places that every command reads its configuration from.
func (s *settings) sources(p Process) config.Sources {
	return config.Sources{File: s.file, FaveoEnv: s.faveoEnv, Environ: p.Environ}
}

// newLog returns the logger that the configuration asks for. It sets level, which may
// be set anew while the logger is in use.
func newLog(c config.Log, level *slog.LevelVar, out io.Writer) *slog.Logger {
	level.Set(c.Level.Level())
	options := &slog.HandlerOptions{Level: level}
	if c.Format == config.FormatText {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}
