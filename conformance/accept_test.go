package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/writ-host/writ/conformance/internal/oracle"
	"github.com/writ-host/writ/host"
)

// differences are where the two may disagree on whether a component is valid;
// docs/conformance.md gives the reasons. A component that needs a feature that
// this host does not have is no matter of dispute.
var differences = []struct{ ours, theirs *regexp.Regexp }{
	// This host has limits.
	{regexp.MustCompile("(makes|runs|has|nests|nest) more than [0-9]+|the limit is [0-9]+|[0-9]+ is more than"), accepted},
	// The oracle's version is older than the specification.
	{accepted, regexp.MustCompile("is not in kebab case")},
	{accepted, regexp.MustCompile("invalid leading byte .* for (import|export) name")},
	{accepted, regexp.MustCompile("invalid leading byte .* for component defined type")},
	{accepted, regexp.MustCompile("` requires the component model [a-z -]+ feature")},
	{accepted, regexp.MustCompile("Fixed size lists require the component model fixed size list feature")},
	{regexp.MustCompile("an alias of a .* is not allowed inside a type"), accepted},
	// The oracle is valid without being able to run.
	{accepted, regexp.MustCompile("exporting a component from the root component is not supported")},
	{accepted, regexp.MustCompile("root-level component imports are not supported")},
	{accepted, regexp.MustCompile("unsupported type export")},
	// The oracle is too lenient.
	{regexp.MustCompile("unexpected end: component of"), accepted},
	{regexp.MustCompile(`expected (record|variant|flags|enum|function parameter) .*name "(?i:(.*))", found "(?i:(.*))"`), accepted},
}

var accepted = regexp.MustCompile("^<nil>$")

// dispute is an error when one accepts what the other refuses, for no known reason.
func dispute(ours, theirs error) error {
	var missing *host.Unsupported
	if (ours == nil) == (theirs == nil) || errors.As(ours, &missing) {
		return nil
	}
	if errors.Is(theirs, oracle.ErrCrashed) {
		return nil // it says nothing; a bomb takes it longer than it has
	}
	us, them := fmt.Sprint(ours), fmt.Sprint(theirs)
	for _, d := range differences {
		if d.ours.MatchString(us) && d.theirs.MatchString(them) {
			return nil
		}
	}
	return fmt.Errorf("ours: %s\ntheirs: %s", us, them)
}

// verdicts are what the two say of a component; nil accepts it.
func verdicts(t testing.TB, o *oracle.Process, b []byte) (ours, theirs error) {
	c, ours := engine.Compile(t.Context(), b)
	if ours == nil {
		c.Close()
	}
	return ours, o.Load(b)
}

// specimens are valid components of many kinds.
func specimens(t testing.TB, o *oracle.Process) [][]byte {
	var all [][]byte
	for _, pattern := range []string{"plan/testdata/*.wasm", "binary/testdata/*.wasm"} {
		files, err := filepath.Glob("../host/internal/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		t.Fatal("no testdata of the packages below host")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 10 {
		b, err := o.Text(randomPassing(r, 3).text())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// damage changes a few bytes.
func damage(r *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + r.IntN(3) {
		i := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b = append(slices.Delete(b, i, i+1), 0)
		case 1:
			b = slices.Insert(b, i, byte(r.IntN(256)))
		case 2:
			b[i] ^= 1 << r.IntN(8)
		case 3:
			b[i] = byte(r.IntN(8))
		default:
			b[i] = b[r.IntN(len(b))]
		}
	}
	return b
}

// TestOracleAccepts: both accept or refuse the same damaged components.
func TestOracleAccepts(t *testing.T) {
	o, r := startOracle(t), rand.New(rand.NewPCG(7, 8))
	all := specimens(t, o)
	both, crashes := 0, 0
	for i := range 5_000 {
		b := all[i%len(all)]
		if i >= len(all) {
			b = damage(r, b)
		}
		ours, theirs := verdicts(t, o, b)
		if err := dispute(ours, theirs); err != nil {
			t.Errorf("component %d: %v\n%x", i, err, b)
		}
		if ours == nil && theirs == nil {
			both++
		}
		if errors.Is(theirs, oracle.ErrCrashed) {
			crashes++
		}
	}
	if crashes > 0 {
		t.Errorf("the oracle crashed %d times", crashes)
	}
	if both < 150 {
		t.Errorf("only %d components were accepted", both)
	}
}

// FuzzOracleAccepts is the same for any bytes.
func FuzzOracleAccepts(f *testing.F) {
	o := startOracle(f)
	for _, b := range specimens(f, o) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, theirs := verdicts(t, o, b)
		if err := dispute(ours, theirs); err != nil {
			t.Error(err)
		}
	})
}
