package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/writ-host/writ"
)

// tellSystemd says that the host is ready, when systemd started it and waits
// for that, and goes on saying that it is alive, when systemd watches it. It
// returns when ctx ends, and says so.
func tellSystemd(ctx context.Context, h *writ.Host, log *slog.Logger) {
	if waits, err := daemon.SdNotify(false, daemon.SdNotifyReady); !waits {
		if err != nil {
			log.Warn("systemd is not told that the host is ready", "error", err)
		}
		return
	}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd's watchdog is not answered", "error", err)
	}
	if every <= 0 {
		every = time.Hour // nobody watches
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
			return
		case <-tick.C:
			if h.Alive() == nil {
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}
}
