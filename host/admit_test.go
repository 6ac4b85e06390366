package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/wasmtime"
)

// opinionated compiles here, and has an opinion on components.
type opinionated struct {
	asked   int
	refusal string
	err     error
}

func (*opinionated) Compile(_ context.Context, module []byte) ([]byte, error) {
	return engine.Precompile(module)
}

func (o *opinionated) Check(_ context.Context, component []byte) (string, error) {
	o.asked++
	if refusal := Check(component); refusal != "" {
		return "", fmt.Errorf("the skeleton is not valid: %s", refusal)
	}
	return o.refusal, o.err
}

func thingsComponent(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/things.wat")
	if err != nil {
		t.Fatal(err)
	}
	b, err := wasmtime.Text(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A component is accepted only if wasmtime accepts it too, but for known
// differences. What it accepted it is not asked again.
func TestSecondOpinion(t *testing.T) {
	component := thingsComponent(t)
	const parse = "failed to parse WebAssembly module: "
	for _, test := range []struct {
		refusal string
		err     error
		want    string // in the error
		asked   int    // by two attempts
	}{
		{"", nil, "", 1},
		{parse + "export name `a-1` is not a valid extern name: `a-1` is not in kebab case (at offset 0x2ea)", nil, "", 1},
		{parse + "unknown type 7 (at offset 0x0)", nil, "refuses the component: " + parse + "unknown type 7 (at offset 0x0)", 2},
		{parse + "unknown name ` name `x` is not in kebab case` (at offset 0x0)", nil, "refuses the component", 2},
		{"", errors.New("it was killed"), "a second time: it was killed", 2},
	} {
		o := &opinionated{refusal: test.refusal, err: test.err}
		e := *engine
		e.config.Compiler = o
		var err error
		if e.cache, err = openCache(t.TempDir()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			c, err := e.Compile(t.Context(), component)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q: %v, want %q", test.refusal, err, test.want)
			}
			var refused *Refused
			if errors.As(err, &refused) != (test.refusal != "" && test.want != "") {
				t.Errorf("%q: %T", test.refusal, err)
			}
			if err == nil {
				c.Close()
			}
		}
		if o.asked != test.asked {
			t.Errorf("%q: asked %d times, want %d", test.refusal, o.asked, test.asked)
		}
	}
}

// A reason names the place in the component, not in the skeleton.
func TestPlaceOfRefusal(t *testing.T) {
	component := thingsComponent(t)
	s := binary.MakeSkeleton(component)
	bones, err := binary.Parse(s.Bytes, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := binary.Parse(component, binary.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	is, was := bones.Items[len(bones.Items)-1].At(), whole.Items[len(whole.Items)-1].At()
	got := inOriginal(s, fmt.Sprintf("wrong (at offset %#x)", is))
	if want := fmt.Sprintf("wrong (at offset %#x)", was); got != want || is == was {
		t.Errorf("%s, want %s; %#x in the skeleton", got, want, is)
	}
}

// Of damaged components that this host's own validation accepts, the skeleton is
// refused exactly when the whole is.
func TestSkeletonIsRefusedWithTheWhole(t *testing.T) {
	files, err := filepath.Glob("internal/plan/testdata/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	r, judged, refused := rand.New(rand.NewPCG(1, 2)), 0, 0
	for i := 0; judged < 300; i++ {
		b, err := os.ReadFile(files[i%len(files)])
		if err != nil {
			t.Fatal(err)
		}
		for range i / len(files) % 3 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		decoded, err := binary.Decode(slices.Clone(b), binary.Limits{Memories: wasmtime.MemoriesPerModule})
		if err != nil || !modulesCompile(decoded) {
			continue
		}
		judged++
		whole, skeleton := Check(b), Check(binary.MakeSkeleton(b).Bytes)
		if (whole == "") != (skeleton == "") {
			t.Errorf("whole: %q, skeleton: %q\n%x", whole, skeleton, b)
		}
		if whole != "" {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("only %d of %d were refused", refused, judged)
	}
}

func modulesCompile(c *binary.Component) bool {
	valid := true
	each(c, func(*binary.Component) {}, func(m *binary.Module) {
		_, err := engine.Precompile(m.Bytes)
		valid = valid && err == nil
	})
	return valid
}
