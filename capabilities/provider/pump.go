package provider

import (
	"io"
	"sync"
	"time"
)

// leadTime is how long a head waits for the beginning of its body, so that a
// small message is one on the wire.
const leadTime = time.Millisecond

var bodyParts = sync.Pool{New: func() any { return new([bodyPart]byte) }}

// pump sends a head and the body that follows it, part by part as it comes.
type pump struct {
	body io.Reader
	out  *outflow
	left int64 // bytes to the body's end, where that is known and nothing follows; else -1
	// send sends a part, with the head if it is the first; end says that the body
	// ends with it. It keeps nothing.
	send func(first bool, part []byte, end bool) error

	mu     sync.Mutex
	buffer *[bodyPart]byte
	sent   int // of buffer
	held   int // in buffer, not below sent
	led    bool
	err    error // of sending
}

// run returns at the body's end, or with an error of reading or of sending. What
// was read before an error is sent.
func (p *pump) run() (readErr, sendErr error) {
	p.buffer = bodyParts.Get().(*[bodyPart]byte)
	late := time.AfterFunc(leadTime, p.lead)
	defer p.over()
	defer late.Stop()
	for {
		end, readErr, sendErr := p.part()
		if end || readErr != nil || sendErr != nil {
			return readErr, sendErr
		}
	}
}

// part reads once, and sends what there is by then. While the head waits,
// that is for when there is no more room, or the end.
func (p *pump) part() (end bool, readErr, sendErr error) {
	room, err := p.out.take(bodyPart - p.held)
	if err != nil {
		return false, nil, err
	}
	n, err := p.body.Read(p.buffer[p.held : p.held+room])
	p.out.add(room - n)
	if p.left > 0 {
		p.left -= int64(n)
	}
	if end = err == io.EOF || p.left == 0; end {
		err = nil
	}
	return end, err, p.pass(n, end, err != nil)
}

// pass takes up n bytes more, and sends what is held if it is time to.
func (p *pump) pass(n int, end, failed bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held += n; p.led || end || failed || p.held == bodyPart {
		p.flush(end)
		p.sent, p.held = 0, 0
	}
	return p.err
}

// lead sends the head when it has waited long enough, with what is held.
func (p *pump) lead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.led {
		p.flush(false)
	}
}

// flush is called with mu held.
func (p *pump) flush(end bool) {
	first := !p.led
	if p.err != nil || !first && !end && p.held == p.sent {
		return
	}
	p.led = true
	p.err = p.send(first, p.buffer[p.sent:p.held], end)
	p.sent = p.held
}

// over ends what the timer might still do: the buffer is another's from then on.
func (p *pump) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.led = true
	bodyParts.Put(p.buffer)
}
