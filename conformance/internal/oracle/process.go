package oracle

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/writ-host/writ/wit"
)

// ErrCrashed means that the oracle itself ended: a Rust panic, or no answer in
// time. The next request starts it anew, with nothing loaded.
var ErrCrashed = errors.New("the oracle crashed")

// Refusal is the error of something that wasmtime refused, or that trapped.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// patience is how long a request may take.
const patience = 10 * time.Second

// maxMemory is what the child may use, in bytes: a component that makes
// instances without end ends it, and not the machine.
const maxMemory = 3 << 30

// Process is the oracle's process. One goroutine at a time may use it.
type Process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *gob.Decoder
	writer *gob.Encoder
	stderr tail
	memory uint64
}

// Start makes an oracle of this program, whose main calls [Serve].
func Start() (*Process, error) {
	p := &Process{memory: maxMemory}
	return p, p.start()
}

func (p *Process) start() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	p.cmd = exec.Command(exe)
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childMark, p.memory), "RUST_BACKTRACE=0")
	p.stderr = tail{}
	p.cmd.Stderr = &p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.out, p.writer = gob.NewDecoder(out), gob.NewEncoder(p.in)
	return p.cmd.Start()
}

// Close ends the process.
func (p *Process) Close() {
	if p.cmd == nil {
		return
	}
	_ = p.in.Close()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Text translates text to a binary component.
func (p *Process) Text(wat string) ([]byte, error) {
	return p.ask(request{Op: opText, Data: []byte(wat)})
}

// Load compiles a component; the error is a [Refusal] when it is not valid.
func (p *Process) Load(b []byte) error {
	_, err := p.ask(request{Op: opLoad, Data: b})
	return err
}

// Instantiate makes a new instance of what is loaded, in the place of the one before.
func (p *Process) Instantiate() error {
	_, err := p.ask(request{Op: opInstantiate})
	return err
}

// Call calls an exported function of the instance. Handles are numbered in the
// order in which they came out; arguments name them by Rep.
func (p *Process) Call(f *wit.Func, args ...wit.Value) (wit.Value, error) {
	q := request{Op: opCall, Name: f.Name, Args: len(args)}
	for i, a := range args {
		q.Data = appendValue(q.Data, f.Params[i].Type, a)
	}
	if f.Result != nil {
		q.Results = 1
	}
	b, err := p.ask(q)
	if err != nil || f.Result == nil {
		return wit.Value{}, err
	}
	return readValue(b, f.Result)
}

// Drop drops a handle that the host has.
func (p *Process) Drop(handle uint32) error {
	_, err := p.ask(request{Op: opDrop, Args: int(handle)})
	return err
}

func (p *Process) ask(q request) ([]byte, error) {
	a, err := p.answer(q, patience)
	return a.Data, err
}

func (p *Process) answer(q request, patience time.Duration) (a response, err error) {
	if p.cmd == nil {
		if err := p.start(); err != nil {
			return a, err
		}
	}
	timer := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	err = p.writer.Encode(q)
	if err == nil {
		err = p.out.Decode(&a)
	}
	switch {
	case err != nil:
		p.Close()
		return a, fmt.Errorf("%w: %w: %s", ErrCrashed, err, p.stderr.text())
	case a.Misuse != "":
		return a, errors.New(a.Misuse)
	case a.Refused != "":
		return a, &Refusal{a.Refused}
	}
	return a, nil
}

// tail keeps the beginning of what the child says when it ends.
type tail struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() < 2000 {
		t.b.Write(b)
	}
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}
