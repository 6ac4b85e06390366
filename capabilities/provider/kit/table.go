package kit

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteTable writes results for a person.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tGROUP\tRULE\tTIME\t")
	counts := map[Status]int{}
	for _, r := range results {
		counts[r.Status]++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Status, r.Group, r.Rule, r.Elapsed.Round(time.Millisecond), oneLine(r.Detail))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", counts[Passed], counts[Failed], counts[Skipped])
	return err
}

// oneLine keeps what a provider says from making lines of its own, or other things.
func oneLine(s string) string {
	q := fmt.Sprintf("%q", strings.Join(strings.Fields(s), " "))
	return q[1 : len(q)-1]
}
