package spin_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/spin"
	"github.com/writ-host/writ/wit"
)

// Every function answers with its interface's own error, which names the interface.
func TestWhatIsAbsentSaysSo(t *testing.T) {
	var log bytes.Buffer
	i := &capabilities.Instance{Log: slog.New(slog.NewTextHandler(&log, nil))}
	functions := 0
	for _, b := range capabilities.Guard(spin.New()) {
		for _, f := range b.Interface.Funcs {
			functions++
			for range 2 {
				c := &wit.Call{Func: f, Data: i}
				if err := b.Funcs[f.Name](context.Background(), c); err != nil {
					t.Fatalf("%s trapped: %v", f.Name, err)
				}
				failure, _ := c.Result.Payload()
				message, _ := failure.Payload()
				if c.Result.Case() != 1 || !strings.Contains(message.Text(), b.Interface.Name.String()) {
					t.Errorf("%s of %s: %v %q", f.Name, b.Interface.Name, c.Result.Case(), message.Text())
				}
			}
		}
	}
	if functions < 20 {
		t.Errorf("there are %d functions", functions)
	}
	if told := strings.Count(log.String(), "does not have"); told != 7 {
		t.Errorf("the log was told %d times, and not once for each interface:\n%s", told, &log)
	}
}
