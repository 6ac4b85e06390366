package writ

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// historyName is the file, in the directory for state, of when jobs ran last.
const historyName = "cron.json"

// maxHistory bounds the file, in bytes.
const maxHistory = 1 << 20

// history is which times of jobs were taken care of. Jobs that make up for what
// they missed have it kept for the next start of the host. It is written before
// a run begins: a run that was cut off is not repeated.
type history struct {
	path string
	log  *slog.Logger

	mu   sync.Mutex
	jobs map[string]past
}

// past is of one job. Another schedule has another past.
type past struct {
	kept     bool
	Schedule string    `json:"schedule"`
	TimeZone string    `json:"time_zone,omitempty"`
	Last     time.Time `json:"last"`
}

// openHistory reads the file. One that cannot be read is told of, and counts as
// none: no time was missed then.
func (h *Host) openHistory() *history {
	y := &history{path: h.app.statePath(historyName), log: h.log, jobs: map[string]past{}}
	if err := y.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.log.Error("what jobs missed is not known", "error", err)
	}
	return y
}

func (y *history) read() error {
	f, err := os.Open(y.path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxHistory))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &y.jobs); err != nil {
		return fmt.Errorf("%s: %w", y.path, err)
	}
	for name, p := range y.jobs {
		p.kept = true
		y.jobs[name] = p
	}
	return nil
}

// last is the time that was taken care of last: from now on, for a job that is
// new, or when the clock was set back since.
func (y *history) last(j *job, now time.Time) time.Time {
	y.mu.Lock()
	p, ok := y.jobs[j.Name]
	y.mu.Unlock()
	if ok && p.Schedule == j.Schedule && p.TimeZone == j.TimeZone && p.Last.Before(now) {
		return p.Last
	}
	y.note(j, now)
	return now
}

// note has a time taken care of.
func (y *history) note(j *job, at time.Time) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.jobs[j.Name] = past{j.Missed == missedOnce, j.Schedule, j.TimeZone, at}
	if j.Missed != missedOnce {
		return
	}
	if err := y.write(); err != nil {
		y.log.Error("when jobs ran is not kept", "error", err)
	}
}

func (y *history) write() error {
	kept := maps.Clone(y.jobs)
	maps.DeleteFunc(kept, func(_ string, p past) bool { return !p.kept })
	text, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(y.path), 0o700); err != nil {
		return err
	}
	next := y.path + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, y.path)
}
