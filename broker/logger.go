package broker

import (
	"context"
	"log/slog"
)

// LogDecisions returns an Observer that writes each record as one entry "decision" of a structured log: denials as warnings,
// allows as information.
func LogDecisions(log *slog.Logger) Observer { return decisionLog{log} }

type decisionLog struct{ log *slog.Logger }

func (l decisionLog) Observe(r Record) {
	level := slog.LevelWarn
	verdict := "deny"
	if r.Allowed {
		level, verdict = slog.LevelInfo, "allow"
	}
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("decision", verdict), slog.String("app", r.App), slog.String("component", r.Component),
		slog.String("capability", r.Capability), slog.String("operation", r.Operation), slog.String("resource", r.Resource),
		slog.String("grant", r.GrantID), slog.String("reason", r.Reason.String()), slog.Uint64("revision", r.Revision),
		slog.Uint64("count", r.Count), slog.Time("at", r.Time),
	}
	if r.ID != "" {
		attributes = append(attributes, slog.String("id", r.ID), slog.String("nearest", r.Nearest), slog.String("short", r.Short))
	}
	if r.TLS != "" {
		attributes = append(attributes, slog.String("tls", r.TLS))
	}
	if r.Duration > 0 {
		attributes = append(attributes, slog.Duration("duration", r.Duration))
	}
	l.log.LogAttrs(ctx, level, "decision", attributes...)
}
