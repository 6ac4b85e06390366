package ledger

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets the test binary be a ledger's writer, and a host that is killed while it writes.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "ledger-writer" {
		if err := Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv("WRIT_LEDGER_VICTIM"); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// testWriter is this program, as a ledger's writer.
var testWriter = []string{"/proc/self/exe", "ledger-writer"}

// signedSize is how many leaves the checkpoint covers.
func signedSize(dir string) uint64 {
	r, err := OpenReader(dir+"/ledger", "")
	if err != nil {
		return 0
	}
	c, err := r.Checkpoint()
	if err != nil {
		return 0
	}
	return c.Size
}

// victim writes denials until it is killed. It prints each number of leaves that the checkpoint covers.
func victim(dir string) {
	keys, err := OpenKeys(dir + "/keys")
	if err == nil {
		var l *Ledger
		if l, err = Open(Config{Dir: dir + "/ledger", Keys: keys, Writer: testWriter}); err == nil {
			for i := 0; ; i++ {
				l.Observe(denial(i))
				if i%100 == 0 {
					fmt.Println(signedSize(dir))
				}
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
