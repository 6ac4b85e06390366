package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
)

// ByHand is what a program did that was started without a host.
type ByHand struct {
	Said    string // to standard output, the first 64 KiB, and to standard error, the last 2 KiB
	Serving bool   // standard output has a line as of a handshake
	Ended   bool   // in time, by itself
	Status  int    // with which it ended; -1 for a signal
}

// maxByHand bounds what is kept of a program's output, in bytes.
const maxByHand = 64 << 10

// StartByHand starts the program as a person would, without the variable that
// says who asks, and waits for its end until StartTimeout. It is held in as
// ever. With rest, the other variables of the handshake are there.
func StartByHand(ctx context.Context, config Config, rest bool) (ByHand, error) {
	if err := config.Validate(); err != nil {
		return ByHand{}, err
	}
	c := config.withDefaults()
	dir, err := os.MkdirTemp("", "writ-")
	if err != nil {
		return ByHand{}, fmt.Errorf("make socket directory: %w", err)
	}
	defer os.RemoveAll(dir)
	env := []string{} // nil would be the host's
	if rest {
		_, certificate, err := hostIdentity()
		if err != nil {
			return ByHand{}, err
		}
		env = append(env, clientCertEnv+"="+string(certificate), socketDirEnv+"="+dir, "PLUGIN_PROTOCOL_VERSIONS=1")
	}
	p, err := c.newProcess(nil, &exec.Cmd{Env: env}, dir)
	if err != nil {
		return ByHand{}, err
	}
	if err := p.Start(ctx); err != nil {
		return ByHand{}, err
	}
	return p.waitByHand(ctx), nil
}

// waitByHand waits for the program to end, and ends one that does not.
func (p *process) waitByHand(ctx context.Context) ByHand {
	ctx, cancel := context.WithTimeout(ctx, p.config.StartTimeout)
	defer cancel()
	read := make(chan []byte, 1)
	go func() { read <- firstOf(p.Stdout()) }()
	var b ByHand
	select {
	case <-p.exited:
		b.Ended = true
	case <-ctx.Done():
		_ = p.Kill(ctx)
	}
	out, said := <-read, p.said.text(dyingWait)
	var exit *exec.ExitError
	if err := p.Wait(ctx); errors.As(err, &exit) {
		b.Status = exit.ExitCode()
	}
	b.Said, b.Serving = string(out)+said, handshakeLine.Match(out)
	return b
}

// handshakeLine is the beginning of the line with which a provider offers its socket.
var handshakeLine = regexp.MustCompile(`(?m)^1\|`)

// firstOf is the beginning of what a program writes; the rest is read as well.
func firstOf(r io.Reader) []byte {
	b, _ := io.ReadAll(io.LimitReader(r, maxByHand)) // what came before an error counts
	_, _ = io.Copy(io.Discard, r)
	return b
}
