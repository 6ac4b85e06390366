package ledger

import (
	"testing"
	"time"
)

// Since when a grant is in force is told from what runs had: a restart is no break, and a run without it is one.
func TestSinceWhenAGrantIsInForce(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2027, 1, 1, 0, minute, 0, 0, time.UTC) }
	load := func(run string, minute int, grants ...string) (entries []Entry) {
		entries = append(entries, Entry{Run: run, Kind: Policy, Event: Loaded, Time: at(minute)})
		for _, text := range grants {
			event := Added
			if text[0] == '-' {
				event, text = Removed, text[1:]
			}
			entries = append(entries, Entry{Run: run, Kind: Grant, Event: event, App: "a", Component: "c", Grant: "g", Text: text, Time: at(minute)})
		}
		return entries
	}
	stop := func(run string) []Entry { return []Entry{{Run: run, Kind: Host, Event: Stopped}} }
	for name, test := range map[string]struct {
		told [][]Entry
		want time.Time
	}{
		"at once":                {[][]Entry{load("1", 1, "x")}, at(1)},
		"restarted":              {[][]Entry{load("1", 1, "x"), stop("1"), load("2", 5, "x")}, at(1)},
		"restarted after a kill": {[][]Entry{load("1", 1, "x"), load("2", 5, "x"), load("3", 6, "x")}, at(1)},
		"other changes":          {[][]Entry{load("1", 1, "x"), load("1", 2, "y"), load("1", 3, "-y")}, at(1)},
		"revoked":                {[][]Entry{load("1", 1, "x"), load("1", 2, "-x")}, time.Time{}},
		"given back":             {[][]Entry{load("1", 1, "x"), load("1", 2, "-x"), load("1", 3, "x")}, at(3)},
		"changed":                {[][]Entry{load("1", 1, "y"), load("1", 2, "-y", "x")}, at(2)},
		"gone in the last run":   {[][]Entry{load("1", 1, "x"), stop("1"), load("2", 2, "y")}, time.Time{}},
		"gone in one run":        {[][]Entry{load("1", 1, "x"), stop("1"), load("2", 2, "y"), stop("2"), load("3", 3, "x")}, at(3)},
		"a command beside it":    {[][]Entry{load("1", 1, "x"), load("2", 2, "x"), stop("2"), load("1", 3, "y")}, at(1)},
		"revoked beside it":      {[][]Entry{load("1", 1, "x"), load("2", 2, "x"), load("1", 3, "-x")}, time.Time{}},
		"told together":          {[][]Entry{load("1", 1), load("2", 1), load("1", 1, "x")[1:], load("2", 1, "x")[1:]}, at(1)},
		"never":                  {[][]Entry{load("1", 1, "y")}, time.Time{}},
	} {
		u := &Usage{Grants: map[GrantKey]*GrantUse{}, Denials: map[DenialKey]*Use{}}
		told := telling{Usage: u, texts: map[grantIn][]period{}, runs: map[string]*having{}, last: &having{}}
		for _, entries := range test.told {
			for i := range entries {
				told.tell(&entries[i])
			}
		}
		told.end()
		var got time.Time
		if g := u.Grants[GrantKey{"a", "c", "g", "x"}]; g != nil {
			got = g.Unbroken
		}
		if !got.Equal(test.want) {
			t.Errorf("%s: since %v, want %v", name, got, test.want)
		}
	}
}
