package provider

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// pluginLogger is go-plugin's logger, writing into the host's log. What the
// provider logs at a level comes out at that level; what go-plugin itself has to
// say is for debugging.
func pluginLogger(log *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Debug})
	l.RegisterSink(sink{log})
	return l
}

type sink struct{ log *slog.Logger }

// Accept implements hclog.SinkAdapter.
func (s sink) Accept(name string, level hclog.Level, msg string, args ...any) {
	if name == "" { // go-plugin itself; what the provider writes has its name
		level = hclog.Debug
	}
	l := slog.LevelDebug
	switch level {
	case hclog.Info:
		l = slog.LevelInfo
	case hclog.Warn:
		l = slog.LevelWarn
	case hclog.Error:
		l = slog.LevelError
	}
	if !s.log.Enabled(context.Background(), l) {
		return
	}
	for i, a := range args {
		if e, ok := a.(fmt.Stringer); ok {
			args[i] = e.String()
		}
	}
	s.log.Log(context.Background(), l, msg, args...)
}
