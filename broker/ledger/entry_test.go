package ledger

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func full() Entry {
	return Entry{Version: Version, Run: "00", Seq: 7, Time: time.Unix(1_800_000_000, 5).UTC(), Kind: Decision, App: "a", Component: "c",
		Capability: "http", Operation: "GET", Resource: "https://h:443/~0", Grant: "g", Verdict: Deny, Reason: "no grant", Count: 3,
		Revision: 2, Nanos: 9, Event: "e", Name: "n", Digest: "sha256:0", Digests: map[string]string{"b": "2", "a": "1"},
		Text: "t", Origin: "o", Detail: "d"}
}

func TestEntryForm(t *testing.T) {
	e := full()
	const want = `{"app":"a","capability":"http","component":"c","count":3,"detail":"d","digest":"sha256:0","digests":{"a":"1","b":"2"},` +
		`"event":"e","grant":"g","kind":"decision","name":"n","nanos":9,"operation":"GET","origin":"o","reason":"no grant",` +
		`"resource":"https://h:443/~0","revision":2,"run":"00","seq":7,"text":"t","time":"2027-01-15T08:00:00.000000005Z","v":1,"verdict":"deny"}`
	if got := string(e.Append(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := ParseEntry([]byte(want))
	if err != nil || !bytes.Equal(back.Append(nil), []byte(want)) {
		t.Errorf("back %+v, %v", back, err)
	}
}

func TestTextsAreEscapedAsTheStandardHasIt(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"a\"b\\c", `"a\"b\\c"`},
		{"\x00\x1f\b\f\n\r\t", `"\u0000\u001f\b\f\n\r\t"`},
		{"<&>\u2028é", "\"<&>\u2028é\""},
		{"\xff", "\"\ufffd\""},
	} {
		if got := string(appendText(nil, test.text)); got != test.want {
			t.Errorf("%q: %s, want %s", test.text, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	e := full()
	good := string(e.Append(nil))
	for name, line := range map[string]string{
		"another version":     strings.Replace(good, `"v":1`, `"v":2`, 1),
		"an unknown member":   strings.Replace(good, `"app"`, `"zap":1,"app"`, 1),
		"another order":       strings.Replace(strings.Replace(good, `"app":"a",`, ``, 1), `"v":1`, `"v":1,"app":"a"`, 1),
		"white space":         strings.Replace(good, `:"a"`, `: "a"`, 1),
		"a repeated member":   strings.Replace(good, `"app":"a"`, `"app":"b","app":"a"`, 1),
		"something behind it": good + "{}",
		"half of it":          good[:len(good)/2],
		"another type":        strings.Replace(good, `"count":3`, `"count":"3"`, 1),
		"an empty member":     strings.Replace(good, `"count":3`, `"count":0`, 1),
		"nothing":             "",
	} {
		if _, err := ParseEntry([]byte(line)); err == nil {
			t.Errorf("%s is taken: %s", name, line)
		}
	}
}

func TestEntriesFitTheLog(t *testing.T) {
	long := strings.Repeat("\x01", 1<<20) // six bytes each in JSON
	e := Entry{Version: Version, Kind: Grant, App: long, Component: long, Capability: long, Operation: long, Resource: long, Grant: long,
		Reason: long, Name: long, Text: long, Origin: long, Detail: long, Digests: map[string]string{long: long}}
	b := e.bytes()
	if len(b) > maxEntry || !strings.Contains(string(b), "cut") {
		t.Errorf("%d bytes", len(b))
	}
	if _, err := ParseEntry(b); err != nil {
		t.Error(err)
	}
}

func FuzzParseEntry(f *testing.F) {
	e := full()
	f.Add(e.Append(nil))
	f.Add([]byte(`{"run":"","seq":0,"time":"0001-01-01T00:00:00Z","v":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := ParseEntry(line)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Append(nil), line) || !json.Valid(line) {
			t.Errorf("taken, and written as %s", e.Append(nil))
		}
	})
}
