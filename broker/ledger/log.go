package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"
)

const (
	maxBatch           = 8192                   // entries that are written at once
	batchAge           = 10 * time.Millisecond  // that a smaller batch waits in tessera, which is for all of it to be there
	checkpointInterval = 100 * time.Millisecond // between two checkpoints of a growing log
	lockName           = ".state/treeState.lock"
)

// merkleLog appends to the files of a log. Its methods are for one goroutine.
type merkleLog struct {
	dir      string
	cancel   context.CancelFunc
	appender *tessera.Appender
	shutdown func(context.Context) error
	reader   tessera.LogReader
	verifier note.Verifier
}

// quiet silences tessera's log: what fails is returned to us as well.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

func openLog(dir string, keys *Keys) (*merkleLog, error) {
	quiet()
	signer, err := note.NewSigner(keys.signing)
	if err != nil {
		return nil, fmt.Errorf("open the ledger's signing key: %w", err)
	}
	verifier, err := note.NewVerifier(keys.public)
	if err != nil {
		return nil, fmt.Errorf("open the ledger's public key: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l := &merkleLog{dir: dir, verifier: verifier}
	if err := errors.Join(l.own(keys), l.probe()); err != nil {
		return nil, err
	}
	mendClock(dir)
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err == nil {
		l.appender, l.shutdown, l.reader, err = tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
			WithCheckpointSigner(signer).WithBatching(maxBatch, batchAge).WithCheckpointInterval(checkpointInterval).
			WithCheckpointRepublishInterval(0).WithPushback(2*maxBatch))
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	return l, nil
}

// own makes sure that the log in the directory is under this key, and leaves the public key there.
func (l *merkleLog) own(keys *Keys) error {
	path := filepath.Join(l.dir, publicKeyFile)
	there, err := os.ReadFile(path)
	switch {
	case err == nil && string(there) == keys.public+"\n":
		return nil
	case err == nil:
		return fmt.Errorf("open the ledger: %s is of another key than this host signs with; move the old ledger away to begin a new one", path)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("open the ledger: %w", err)
	}
	if _, err := os.Stat(filepath.Join(l.dir, checkpointFile)); err == nil {
		return fmt.Errorf("open the ledger: there is a checkpoint but no %s; move the old ledger away to begin a new one", path)
	}
	if err := os.WriteFile(path, []byte(keys.public+"\n"), 0o644); err != nil {
		return fmt.Errorf("open the ledger: %w", err)
	}
	return nil
}

// probe opens the file that tessera locks, because tessera panics when it cannot.
func (l *merkleLog) probe() error {
	path := filepath.Join(l.dir, lockName)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return f.Close()
}

// append writes the leaves of a request, and says how large the log was before.
func (l *merkleLog) append(r request) (before uint64, err error) {
	if err := l.probe(); err != nil {
		return 0, err
	}
	if before, err = l.reader.IntegratedSize(context.Background()); err != nil {
		return 0, fmt.Errorf("read the ledger's state: %w", err)
	}
	leaves := r.Append
	if r.Again {
		if leaves, err = l.missing(r.From, before, leaves); err != nil {
			return before, err
		}
	}
	futures := make([]tessera.IndexFuture, len(leaves))
	for i, leaf := range leaves {
		futures[i] = l.appender.Add(context.Background(), tessera.NewEntry(leaf))
	}
	for _, f := range futures {
		if _, failed := f(); failed != nil && err == nil {
			err = fmt.Errorf("write the ledger: %w", failed)
		}
	}
	return before, err
}

// missing are the leaves that are not in a part of the log.
func (l *merkleLog) missing(from, size uint64, leaves [][]byte) (missing [][]byte, err error) {
	there := map[string]bool{}
	files := &Reader{dir: l.dir}
	for at := from; at < size; {
		bundle, err := files.bundle(at/layout.EntryBundleWidth, size)
		if err != nil {
			return nil, fmt.Errorf("read the ledger back: %w", err)
		}
		for _, leaf := range bundle[at%layout.EntryBundleWidth:] {
			there[string(leaf)] = true
			at++
		}
	}
	for _, leaf := range leaves {
		if !there[string(leaf)] {
			missing = append(missing, leaf)
		}
	}
	return missing, nil
}

// sizes is how many entries were written, and how many the checkpoint covers.
func (l *merkleLog) sizes() (written, signed uint64, err error) {
	ctx := context.Background()
	if written, err = l.reader.IntegratedSize(ctx); err != nil {
		return 0, 0, fmt.Errorf("read the ledger's state: %w", err)
	}
	raw, err := l.reader.ReadCheckpoint(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	c, err := openCheckpoint(raw, l.verifier)
	if err != nil {
		return 0, 0, err
	}
	return written, c.Size, nil
}

// mendClock makes the checkpoint in a directory one of the past. Tessera goes by the time of its file, and would wait for a
// clock that was set back.
func mendClock(dir string) {
	path := filepath.Join(dir, checkpointFile)
	if info, err := os.Stat(path); err == nil && info.ModTime().After(time.Now()) {
		past := time.Now().Add(-time.Minute)
		_ = os.Chtimes(path, past, past) // when it fails there is no checkpoint, which is noticed
	}
}

// close waits for the last checkpoint, until the context ends.
func (l *merkleLog) close(ctx context.Context) error {
	defer l.cancel()
	if err := l.shutdown(ctx); err != nil {
		return fmt.Errorf("close the ledger: %w", err)
	}
	return nil
}
