package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/writ-host/writ"
)

const learningText = `LEARNING: what nothing grants is allowed, on a copy of the data that is removed in the end.
Requests to public servers and calls of providers' own interfaces are real. Never allowed: denials, private
addresses, sockets, and writing to directories.

`

// upLearning serves an app until it is interrupted, and says what grants it would take.
func upLearning(ctx context.Context, out io.Writer, app *writ.App, sink logTo, o writ.Options) error {
	l, err := app.Learn()
	if err != nil {
		return err
	}
	fmt.Fprint(out, learningText)
	o.Learning = l
	served := up(ctx, out, app, sink, o)
	found, err := l.Finish()
	if err = errors.Join(served, err); err != nil {
		return err
	}
	writeLearned(out, found)
	return nil
}

func writeLearned(out io.Writer, found *writ.LearnedGrants) {
	fmt.Fprintln(out)
	for title, lines := range map[string][]string{"denied while learning too": found.Refused, "granted, and it fell short": found.Short} {
		for i, line := range lines {
			if i == 0 {
				fmt.Fprintln(out, title)
			}
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	if found.Dropped > 0 {
		fmt.Fprintf(out, "%d calls were of too many kinds to keep\n", found.Dropped)
	}
	if found.Path == "" {
		fmt.Fprintln(out, "learned nothing: no more grants are needed")
		return
	}
	fmt.Fprintf(out, "learned %d grants: review %s, and copy what is right into grants.json\n", found.Grants, found.Path)
}
