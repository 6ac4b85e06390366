package ledger

import (
	"bytes"
	"cmp"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	giveUp      = 6        // patiences after which a writer that does not answer is ended
	maxBackOff  = 5        // doublings of the time between two starts
	maxLastWord = 16 << 10 // bytes that are kept of what a writer says on its standard error
)

// scribe is the host's end of a writer's process, which it starts again when it ended. Its methods are for one goroutine.
type scribe struct {
	config Config
	child  *child // nil when none runs
	size   uint64 // of the log, as it was before the last append at the latest

	failures  int       // in a row
	notBefore time.Time // the next start
	last      error     // why the last one ended
}

// child is a running writer.
type child struct {
	cmd       *exec.Cmd
	in        io.Closer
	requests  *gob.Encoder
	responses *gob.Decoder
	said      *lastWords
}

// start starts a writer, unless one ended just now. It answers what the log holds.
func (w *scribe) start() (response, error) {
	if time.Now().Before(w.notBefore) {
		return response{}, w.last
	}
	c, err := startChild(w.config.Writer)
	if err != nil {
		return response{}, w.failed(fmt.Errorf("start the ledger's writer: %w", err))
	}
	w.child = c
	keys := w.config.Keys
	r, err := w.exchange(hello{w.config.Dir, keys.signing, keys.public})
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
		w.end()
		return r, w.failed(err)
	}
	return r, err
}

func startChild(command []string) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it ends with its standard input, not with signals to its group
	c := &child{cmd: cmd, said: &lastWords{}}
	cmd.Stderr = c.said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.requests, c.responses = in, gob.NewEncoder(in), gob.NewDecoder(out)
	return c, cmd.Start()
}

// failed notes an end, and puts the next start off, longer each time.
func (w *scribe) failed(err error) error {
	w.last = err
	w.notBefore = time.Now().Add(w.config.Retry << min(w.failures, maxBackOff))
	w.failures++
	return err
}

// exchange sends one thing and reads the answer. A writer that does not answer is ended.
func (w *scribe) exchange(what any) (r response, err error) {
	cmd := w.child.cmd
	late := time.AfterFunc(giveUp*w.config.Patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err = w.child.requests.Encode(what); err == nil {
		err = w.child.responses.Decode(&r)
	}
	if err != nil {
		return r, w.failed(fmt.Errorf("the ledger's writer ended: %w", cmp.Or(w.end(), err)))
	}
	return r, nil
}

// end ends the writer and says why it failed, nil when it did not: what it says
// on the way may be a library's warning about something that it got over.
func (w *scribe) end() error {
	c := w.child
	w.child = nil
	c.in.Close()
	patient := time.AfterFunc(w.config.Patience, func() { _ = c.cmd.Process.Kill() })
	defer patient.Stop()
	err := c.cmd.Wait()
	if said := c.said.firstLine(); err != nil && said != "" {
		return errors.New(said)
	}
	return err
}

// ask has a writer answer a request.
func (w *scribe) ask(what request) (response, error) {
	if w.child == nil {
		if r, err := w.start(); err != nil {
			return r, err
		}
	}
	r, err := w.exchange(what)
	if err == nil && r.Err != "" {
		err = errors.New(r.Err)
	}
	if err == nil {
		w.failures, w.notBefore = 0, time.Time{}
	}
	return r, err
}

// append writes leaves, at most maxBatch, in order if all goes well. With an error some may be in the log and some not: they
// are to be sent again, as they are.
func (w *scribe) append(leaves [][]byte, again bool) error {
	r, err := w.ask(request{Append: leaves, Again: again, From: w.size})
	w.size = max(w.size, r.Size)
	return err
}

// sizes is how many leaves were written, and how many the checkpoint covers.
func (w *scribe) sizes() (written, signed uint64, err error) {
	r, err := w.ask(request{})
	return r.Size, r.Signed, err
}

// close has all of the log signed and ends the writer.
func (w *scribe) close(limit time.Duration) error {
	if w.child == nil {
		return w.last
	}
	r, err := w.exchange(request{Close: max(limit, time.Millisecond)})
	if err != nil {
		return err
	}
	if r.Err != "" {
		err = errors.New(r.Err)
	}
	return errors.Join(err, w.end())
}

// lastWords keeps the beginning of what a writer says: why it ends.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p[:min(len(p), maxLastWord-len(l.text))]...)
	return len(p), nil
}

func (l *lastWords) firstLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, _, _ := bytes.Cut(bytes.TrimSpace(l.text), []byte{'\n'})
	return string(line)
}
