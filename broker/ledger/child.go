package ledger

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The writer of a log is a process of its own, because tessera ends the process that it is in when it cannot open a file that
// it needs. It is asked over its standard input and answers, one request at a time, on its standard output.

// hello is the first thing that a writer is told.
type hello struct {
	Dir             string
	Signing, Public string // keys
}

// request asks for one thing.
type request struct {
	Append [][]byte
	// Again marks leaves that were sent before, without success: those that are in the log from leaf From on are not written
	// twice. An error may come after the last file was written, and tessera may write one part of a batch and not another.
	Again bool
	From  uint64
	Close time.Duration // at most this long for the last checkpoint
}

// response answers one request, the hello included.
type response struct {
	Err    string
	Size   uint64 // of the log, before an append
	Signed uint64 // of it, what the checkpoint covers; not of an append
}

// Serve is what a writer's process does, until in ends or it is asked to close. See Config.Writer.
func Serve(in io.Reader, out io.Writer) error {
	// A terminal and a service manager signal all processes of a host; this one has to outlive the one that it writes for.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
	if err != nil {
		return fmt.Errorf("confine the ledger's writer: %w", err)
	}
	requests, responses := gob.NewDecoder(bufio.NewReader(in)), gob.NewEncoder(out)
	var h hello
	if err := requests.Decode(&h); err != nil {
		return fmt.Errorf("read what to write: %w", err)
	}
	log, err := openLog(h.Dir, &Keys{signing: h.Signing, public: h.Public})
	if err != nil {
		return responses.Encode(response{Err: err.Error()})
	}
	defer log.cancel()
	answer := log.answer(request{})
	for {
		if err := responses.Encode(answer); err != nil {
			return fmt.Errorf("answer the host: %w", err)
		}
		var r request
		switch err := requests.Decode(&r); {
		case errors.Is(err, io.EOF): // the host ended
			return nil
		case err != nil:
			return fmt.Errorf("read what to write: %w", err)
		}
		answer = log.answer(r)
		if r.Close > 0 {
			return responses.Encode(answer)
		}
	}
}

func (l *merkleLog) answer(r request) response {
	var a response
	var err error
	switch {
	case len(r.Append) > 0:
		a.Size, err = l.append(r)
	case r.Close > 0:
		ctx, cancel := context.WithTimeout(context.Background(), r.Close)
		defer cancel()
		err = l.close(ctx)
	default:
		a.Size, a.Signed, err = l.sizes()
	}
	if err != nil {
		a.Err = err.Error()
	}
	return a
}
