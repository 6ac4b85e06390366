package provider_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/writ-host/writ/capabilities/custom/backend"
)

// book is a log that is written and read at once.
type book struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *book) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.b.String(), text)
}

// What a provider logs keeps its level and its keys, and what is no log line
// does no more than take part in the debugging.
func TestLinesOfAProvider(t *testing.T) {
	for line, want := range map[string]string{
		`{"@level":"warn","@message":"hm","k":"v"}`:                       `level=WARN msg=hm provider=test k=v`,
		`{"@level":"error","@message":"oh","n":1,"o":{"a":[true]}}`:       `level=ERROR msg=oh provider=test n=1 o="{\"a\":[true]}"`,
		`{"@level":"trace","@message":"x","n":null}`:                      `level=DEBUG msg=x provider=test n=null`,
		`{"@level":"info","@message":"x","provider":"other","level":"z"}`: `level=INFO msg=x provider=test`,
		`{"@level":"loud","@message":"x"}`:                                `level=DEBUG msg="{\"@level\":\"loud\"`,
		`{"@level":"warn"}`:                                               `level=DEBUG msg="{\"@level\":\"warn\"}"`,
		`{"@message":1}`:                                                  `level=DEBUG msg="{\"@message\":1}"`,
		`{"@level":1,"@message":"x"}`:                                     `level=DEBUG msg="{\"@level\":1`,
		`{"@level":"info","@timestamp":{},"@message":"x"}`:                `level=INFO msg=x`,
		`{"@level":null,"@message":null}`:                                 `level=DEBUG msg="{\"@level\":null`,
		`[]`:                                                              `level=DEBUG msg=[]`,
		`null`:                                                            `level=DEBUG msg=null`,
		`panic: at the disco`:                                             `level=ERROR msg="panic: at the disco"`,
		`a very long line`:                                                `xend`,
	} {
		t.Run(line[:min(len(line), 30)], func(t *testing.T) {
			t.Parallel()
			var log book
			c := hostileConfig(t, "says "+line)
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			p := launch(t, c)
			if _, err := p.Custom().Invoke(context.Background(), backend.Caller{Scope: 1}, backend.Call{Interface: "a:b/c@1.0.0", Function: "f"}); err != nil {
				t.Error(err)
			}
			eventually(t, "it is not in the log: "+want, func() bool { return log.has(want) })
		})
	}
}

// What a provider logs while it serves reaches the host, too.
func TestTheSDKsLog(t *testing.T) {
	var log book
	c := accepting(config(t, "serve-probe"))
	c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p := launch(t, c)
	if got := ask(t, p, "log ouch"); got != "ok" {
		t.Error(got)
	}
	for _, want := range []string{`level=WARN msg=ouch provider=test by=Logger`, `level=DEBUG msg="ouch by itself"`} {
		eventually(t, "it is not in the log: "+want, func() bool { return log.has(want) })
	}
}
