package value_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider/value"
	"github.com/writ-host/writ/wit"
)

const vectorsFile = "testdata/vectors.json"

// vectors is testdata/vectors.json, which implementations in other languages
// read as well.
type vectors struct {
	Definitions []string `json:"definitions"` // in WIT
	Valid       []vector `json:"valid"`
	Invalid     []vector `json:"invalid"`
}

type vector struct {
	Type  string `json:"type"`            // in WIT
	Value string `json:"value,omitempty"` // in WAVE
	Hex   string `json:"hex"`
	Error string `json:"error,omitempty"` // class of the failure
}

var definitions = []string{
	"record point { x: s32, y: s32 }",
	"variant shape { empty, circle(f64), polygon(list<point>) }",
	"enum color { red, green, blue }",
	"flags marks { m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 }",
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// typeOf reads a type in WIT.
func typeOf(t testing.TB, defs []string, text string) *wit.Type {
	t.Helper()
	src := "package t:t;\ninterface i {\n" + strings.Join(defs, "\n") + "\nf: func(x: " + text + ");\n}\n"
	p, err := wit.Parse(wit.File{Name: "t.wit", Text: src})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p.Interface("t:t/i").Func("f").Params[0].Type
}

func TestVectors(t *testing.T) {
	if *update {
		v := vectors{Definitions: definitions, Invalid: invalid}
		for _, c := range valid {
			c.Hex = hex.EncodeToString(encode(t, typeOf(t, definitions, c.Type), c.Value))
			v.Valid = append(v.Valid, c)
		}
		writeVectors(t, v)
	}
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Valid) < len(valid) || len(v.Invalid) < len(invalid) {
		t.Fatalf("%d and %d vectors", len(v.Valid), len(v.Invalid))
	}
	for _, c := range v.Valid {
		checkValid(t, typeOf(t, v.Definitions, c.Type), c)
	}
	for _, c := range v.Invalid {
		_, err := value.Decode(unhex(t, c.Hex), typeOf(t, v.Definitions, c.Type), nil)
		if err == nil || !strings.Contains(err.Error(), c.Error) {
			t.Errorf("%s %s: %v, want %q", c.Type, c.Hex, err, c.Error)
		}
	}
}

func encode(t *testing.T, typ *wit.Type, wave string) []byte {
	t.Helper()
	v, err := wit.ParseValue(typ, wave)
	if err != nil {
		t.Fatalf("%s: %v", typ, err)
	}
	b, err := value.Append(nil, typ, v, nil)
	if err != nil {
		t.Fatalf("%s: %s: %v", typ, wave, err)
	}
	return b
}

func checkValid(t *testing.T, typ *wit.Type, c vector) {
	t.Helper()
	if got := hex.EncodeToString(encode(t, typ, c.Value)); got != c.Hex {
		t.Errorf("%s %s: %s, want %s", c.Type, c.Value, got, c.Hex)
	}
	v, err := value.Decode(unhex(t, c.Hex), typ, nil)
	if err != nil {
		t.Errorf("%s %s: %v", c.Type, c.Hex, err)
		return
	}
	want, _ := wit.ParseValue(typ, c.Value)
	have, err := wit.FormatValue(typ, v)
	if text, _ := wit.FormatValue(typ, want); err != nil || have != text {
		t.Errorf("%s %s: %s, want %s (%v)", c.Type, c.Hex, have, text, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
