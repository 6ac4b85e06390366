package postgres

import (
	"runtime"
	"strings"
	"sync"
	"testing"
)

// TestParserIsCompiledOnce looks at memory, of which compiling takes hundreds of megabytes.
func TestParserIsCompiledOnce(t *testing.T) {
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	if _, err := parse("SELECT 1"); err != nil {
		t.Fatal(err)
	}
	before := allocated()
	var all sync.WaitGroup
	for range 4 { // each long enough to be there when the next comes
		all.Go(func() {
			if _, err := parse(longStatement); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took := allocated() - before; took > 250<<20 {
		t.Errorf("four at once took %d MiB", took>>20)
	}
}

var longStatement = "SELECT 1 WHERE 1 IN (" + strings.Repeat("1, ", maxStatement/3-20) + "1)"

func BenchmarkAnalyse(b *testing.B) {
	for name, text := range map[string]string{
		"point": "SELECT id, item FROM orders WHERE id = $1",
		"long":  longStatement,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := analyse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
