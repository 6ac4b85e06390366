package wasi

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

// configFuncs hand out what the component's manifest sets for it, which is the
// developer's own and needs no grant.
func configFuncs() map[string]funcs {
	return map[string]funcs{"wasi:config/store": {
		"get": func(_ context.Context, c *wit.Call) error {
			v, ok := capabilities.From(c).Config[c.Args[0].Text()]
			if !ok {
				c.Return(wit.OK(wit.None()))
				return nil
			}
			c.Return(wit.OK(wit.Some(text(v))))
			return nil
		},
		"get-all": func(_ context.Context, c *wit.Call) error {
			config := capabilities.From(c).Config
			list := make([]wit.Value, 0, len(config))
			for _, key := range slices.Sorted(maps.Keys(config)) {
				list = append(list, wit.Tuple(text(key), text(config[key])))
			}
			c.Return(wit.OK(wit.List(list...)))
			return nil
		},
	}}
}

// draftConfig is wasi:config/store as Spin 3 has it: an earlier draft, of the same shape.
func draftConfig() *wit.Interface {
	draft := *wits.Interface("wasi:config/store")
	draft.Name.Version = "0.2.0-draft-2024-09-27"
	return &draft
}

// What one message of wasi:logging may have; longer ones are cut.
const (
	maxMessage = 16 << 10
	maxContext = 1 << 10
)

// levels are wasi:logging's, from trace to critical.
var levels = [...]slog.Level{slog.LevelDebug - 4, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, slog.LevelError + 4}

func loggingFuncs() map[string]funcs {
	return map[string]funcs{"wasi:logging/logging": {
		"log": func(ctx context.Context, c *wit.Call) error {
			i := capabilities.From(c)
			i.Logger().Log(ctx, levels[c.Args[0].Case()], "guest log", "context", head(c.Args[1].Text(), maxContext),
				"message", head(c.Args[2].Text(), maxMessage), "instance", i.ID)
			return nil
		},
	}}
}

// head is the beginning of a text, in memory of its own.
func head(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return string([]byte(s))
}
