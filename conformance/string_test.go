package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-host/writ/wit"
)

// TestOracleStrings: strings of every kind pass in every pair of encodings. Each
// kind takes another way in a transcoder: what is Latin-1 may be stored in bytes,
// a character beyond it late in the text makes a runtime begin anew.
func TestOracleStrings(t *testing.T) {
	texts := []string{
		"", "a", "\x00", "ü", "ÿĀ", "€", "😀", "\U0010ffff\ufffd", "\ud7ff\ue000",
		strings.Repeat("a", 1000), strings.Repeat("ü", 1001), strings.Repeat("€", 999), strings.Repeat("😀", 333),
		strings.Repeat("a", 999) + "€", strings.Repeat("ü", 500) + "😀", "€" + strings.Repeat("a", 1000),
	}
	o := startOracle(t)
	for _, a := range encodings {
		for _, b := range encodings {
			p := &passing{params: []*wit.Type{wit.TypeString}, encodings: [2]string{a, b}}
			d := newDuel(t, o, p.text())
			for _, text := range texts {
				f, ours, theirs := d.call("f", wit.String(text))
				if err := differ(f.Result, ours, theirs); err != nil || ours.err != nil || ours.value.Text() != text {
					t.Errorf("%s to %s: %.20q: %v, %v", a, b, text, err, fmt.Sprint(ours.err))
				}
			}
		}
	}
}
