package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
)

// copyOf copies the files of a ledger, so that each test alters its own.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// size is that of the tree the tests alter: two full tiles and a partial one, and leaves of one entry each.
const size = 2*256 + 88

// slow writes a ledger in which each entry is a leaf.
func slow(t *testing.T, dir string) {
	t.Helper()
	l := openWith(t, dir, Config{Retry: time.Hour}) // so that nothing but this test writes
	leaves := make([][]byte, 0, size)
	l.mu.Lock()
	for i := range size {
		l.enter(Entry{Time: denial(i).Time, Kind: Decision, App: "a", Resource: denial(i).Resource, Verdict: Deny, Count: 1})
	}
	leaves = append(leaves, l.waiting...)
	l.waiting = nil
	l.mu.Unlock()
	for from := 0; from < size; from += 200 { // several batches, so that files have partial forms
		if err := l.log.append(leaves[from:min(from+200, size)], false); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFileThatIsAlteredIsFound(t *testing.T) {
	dir := t.TempDir()
	slow(t, dir)
	verified(t, reader(t, dir))
	ledger := filepath.Join(dir, "ledger")
	needed := map[string]bool{}
	for _, name := range []string{"checkpoint", "key.pub", ".state/treeState", "tile/entries/000", "tile/entries/001", "tile/entries/002.p/88",
		"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"} {
		needed[name] = true
	}
	err := filepath.WalkDir(ledger, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(ledger, path)
		if needed[name] {
			delete(needed, name)
			flipEach(t, dir, name)
		}
		return nil
	})
	verified(t, reader(t, dir)) // all is as it was
	if err != nil || len(needed) > 0 {
		t.Errorf("error %v; files that are not there: %v", err, needed)
	}
}

// flipEach flips a bit at places all over a file, and cuts it short.
func flipEach(t *testing.T, dir, name string) {
	path := filepath.Join("ledger", name)
	original, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		t.Fatal(err)
	}
	last := len(bytes.TrimRight(original, "\n")) // the last bits of a base64 text and a final line end say nothing
	for _, at := range []int{0, 1, last / 3, last / 2, 2 * last / 3, last - 4} {
		changed := bytes.Clone(original)
		changed[at] ^= 4
		if problems := altered(t, dir, path, changed); len(problems) == 0 {
			t.Errorf("%s: bit 2 of byte %d of %d flipped, and nothing was found", name, at, len(original))
		}
	}
	if problems := altered(t, dir, path, original[:last/2]); len(problems) == 0 {
		t.Errorf("%s: cut in half, and nothing was found", name)
	}
}

// altered verifies a ledger in which one file is another, and puts it back.
func altered(t *testing.T, dir, path string, text []byte) []string {
	t.Helper()
	path = filepath.Join(dir, path)
	original, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := problems(dir)
	if err := os.WriteFile(path, original, 0o600); err != nil {
		t.Fatal(err)
	}
	return found
}

func problems(dir string) []string {
	r, err := OpenReader(filepath.Join(dir, "ledger"), "")
	if err != nil {
		return []string{err.Error()}
	}
	report, err := r.Verify(context.Background())
	if err != nil {
		return []string{err.Error()}
	}
	return report.Problems
}

// bundleOf splits a file of entries into leaves, each with its length.
func bundleOf(t *testing.T, path string) (leaves [][]byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(data))
		leaves, data = append(leaves, data[:n]), data[n:]
	}
	return leaves
}

func TestAlteredEntriesAreNamed(t *testing.T) {
	dir := t.TempDir()
	slow(t, dir)
	for _, test := range []struct {
		name  string
		alter func([][]byte) [][]byte
		want  string
	}{
		{"changed", func(l [][]byte) [][]byte {
			l[7] = bytes.Replace(bytes.Clone(l[7]), []byte("deny"), []byte("done"), 1)
			return l
		}, "leaf 263: it is not what the tree holds"},
		{"dropped", func(l [][]byte) [][]byte { return append(l[:7], l[8:]...) }, "it ends after 255 of 256 leaves"},
		{"reordered", func(l [][]byte) [][]byte { l[7], l[8] = l[8], l[7]; return l }, "leaf 264: it is not"},
		{"cut off", func(l [][]byte) [][]byte { return l[:100] }, "it ends after 100 of 256 leaves"},
		{"replaced by another", func(l [][]byte) [][]byte { l[7] = l[6]; return l }, "leaf 263: it is not"},
	} {
		to := copyOf(t, dir)
		path := filepath.Join(to, "ledger", "tile", "entries", "001")
		if err := os.WriteFile(path, bytes.Join(test.alter(bundleOf(t, path)), nil), 0o600); err != nil {
			t.Fatal(err)
		}
		if found := strings.Join(problems(to), "\n"); !strings.Contains(found, test.want) {
			t.Errorf("%s: found %q, want %q", test.name, found, test.want)
		}
	}
}

// Someone who also mends the tile above a changed entry is found by the root that is signed.
func TestMendedTilesAreFound(t *testing.T) {
	dir := t.TempDir()
	slow(t, dir)
	entries := filepath.Join(dir, "ledger", "tile", "entries", "001")
	leaves := bundleOf(t, entries)
	leaves[7] = bytes.Replace(leaves[7], []byte(`"deny"`), []byte(`"done"`), 1)
	if err := os.WriteFile(entries, bytes.Join(leaves, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	tile := filepath.Join(dir, "ledger", "tile", "0", "001")
	hashes, err := os.ReadFile(tile)
	if err != nil {
		t.Fatal(err)
	}
	copy(hashes[7*hashSize:], rfc6962.DefaultHasher.HashLeaf(leaves[7][2:]))
	if err := os.WriteFile(tile, hashes, 0o600); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(problems(dir), "\n"); !strings.Contains(found, "do not lead to the root") {
		t.Errorf("found %q", found)
	}
}

// Someone who puts an earlier state of the whole ledger back is found by a checkpoint that was kept.
func TestARolledBackLedgerIsFoundByAKeptCheckpoint(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 10)
	before := copyOf(t, dir)
	written(t, dir, 10)
	kept := filepath.Join(t.TempDir(), "kept")
	text, err := os.ReadFile(filepath.Join(dir, "ledger", "checkpoint"))
	if err == nil {
		err = os.WriteFile(kept, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	pin, err := reader(t, dir).Pin(kept)
	if err != nil {
		t.Fatal(err)
	}
	verified(t, reader(t, dir), pin)
	report, err := reader(t, before).Verify(context.Background(), pin)
	if err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(report.Problems, "\n"); !strings.Contains(found, "cut short") {
		t.Errorf("found %q", found)
	}
}

// Someone with the host's key can write another history, which only a witness can tell.
func TestAnotherHistoryUnderTheSameKeyIsFoundByAWitness(t *testing.T) {
	dir := t.TempDir()
	empty := copyOf(t, dir)
	if _, err := OpenKeys(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(empty, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	r := written(t, dir, 10)
	key := filepath.Join(t.TempDir(), "witness")
	public, err := NewWitness(key, "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := r.Cosign(context.Background(), key)
	if err != nil || first.Seen != 0 {
		t.Fatal(first, err)
	}
	written(t, dir, 10)
	second, _, err := r.Cosign(context.Background(), key)
	if err != nil || second.Seen != first.Size || second.Size <= first.Size {
		t.Fatalf("second %+v after %+v: %v", second, first, err)
	}
	if text, err := keyText(key + ".pub"); err != nil || text != public {
		t.Error(text, err)
	}
	pins, err := r.Witnessed(key + ".pub")
	if err != nil || len(pins) != 1 || pins[0].Time.IsZero() {
		t.Fatal(pins, err)
	}
	verified(t, r, pins...)

	written(t, empty, 5)
	written(t, empty, 6)
	forged := written(t, empty, 12)
	verified(t, forged) // by itself it is in order
	report, err := forged.Verify(context.Background(), pins...)
	if err != nil || !strings.Contains(strings.Join(report.Problems, "\n"), "vouches for other entries") {
		t.Errorf("report %+v, %v", report, err)
	}
	if _, _, err := forged.Cosign(context.Background(), key); err == nil {
		t.Error("the witness countersigned another history")
	}
	if _, err := forged.Witnessed(public); err == nil {
		t.Error("there is a countersigned checkpoint where there should be none")
	}
}

func TestForgedCountersignatureIsRefused(t *testing.T) {
	dir := t.TempDir()
	r := written(t, dir, 3)
	key := filepath.Join(t.TempDir(), "witness")
	if _, err := NewWitness(key, "audit.example.com"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Cosign(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	other, err := NewWitness(filepath.Join(t.TempDir(), "other"), "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Witnessed(other); err == nil {
		t.Error("a countersignature by another key of the same name was taken")
	}
}
