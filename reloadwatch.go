package writ

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// stampEvery is for file systems that tell of no changes.
	stampEvery = time.Second
	// settled is how long files must stay as they are before they are taken up:
	// a component is rarely written at once.
	settled = 100 * time.Millisecond
)

// watchApp takes up the manifest and the components whenever they change.
func (h *Host) watchApp(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the app's files: %w", err)
	}
	h.background.Go(func() {
		defer events.Close()
		h.followApp(ctx, events)
	})
	return nil
}

func (h *Host) followApp(ctx context.Context, events *fsnotify.Watcher) {
	tick := time.NewTicker(stampEvery)
	defer tick.Stop()
	last := h.app.stamps
	for {
		paths := h.edition.Load().app.files()
		for _, path := range paths {
			_ = events.Add(filepath.Dir(path)) // where it cannot be watched, it is looked at
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-events.Events:
		case <-events.Errors:
		}
		now := stampsOf(paths)
		for now != last {
			last = now
			if sleep(ctx, settled); ctx.Err() != nil {
				return
			}
			if now = stampsOf(paths); now == last {
				h.reloadChanged(ctx)
			}
		}
	}
}

// reloadChanged is Reload for a change that was seen: its error was told.
func (h *Host) reloadChanged(ctx context.Context) {
	if err := h.Reload(ctx); errors.Is(err, ErrUnchanged) {
		h.log.Debug("the app's files were touched, and are the same")
	}
}

// files are those that an app is made of.
func (a *App) files() []string {
	paths := []string{manifestPath(a.path)}
	for _, name := range a.Manifest.componentNames() {
		if source := a.Manifest.source(name); !inRegistry(source) {
			paths = append(paths, source, source+signatureSuffix)
		}
	}
	return paths
}

func manifestPath(path string) string {
	if isDir(path) {
		return filepath.Join(path, ManifestName)
	}
	return path
}

// stampsOf tells whether files changed, without reading them.
func stampsOf(paths []string) (all string) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			all += path + " is not there\n"
			continue
		}
		all += fmt.Sprintf("%s %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), inode(info))
	}
	return all
}

// inode tells a file that took another's place from that one.
func inode(info os.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
