package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// witnessDir holds, in the ledger's directory, the checkpoints that witnesses countersigned: for each a directory with its
// public key and the latest of them.
const witnessDir = "witness"

// NewWitness makes the key of a witness, in a file of its own beside which the witness keeps what it countersigned. It
// returns the public key, which those who verify need, and leaves it in a file whose name has ".pub" behind.
func NewWitness(path, name string) (string, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err == nil {
		public, err = fnote.VKeyToCosignatureV1(public)
	}
	if err != nil {
		return "", fmt.Errorf("make a witness's key: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("make a witness's key: %s exists", path)
	}
	if err = writeNew(path, private+"\n"+public+"\n"); err == nil {
		err = replaceFile(path+".pub", []byte(public+"\n"))
	}
	if err != nil {
		return "", fmt.Errorf("make a witness's key: %w", err)
	}
	return public, nil
}

// Cosignature is what a witness did.
type Cosignature struct {
	Witness string `json:"witness"` // its public key
	Size    uint64 `json:"leaves"`
	Seen    uint64 `json:"leaves_before"` // that it had countersigned before
	File    string `json:"file"`          // the countersigned checkpoint, in the ledger's directory
	Kept    string `json:"kept"`          // the witness's own copy of it
}

// ErrInconsistent is what Cosign reports of a ledger that does not verify, or does not go on from what was countersigned.
var ErrInconsistent = errors.New("the ledger was altered: nothing was countersigned")

// Cosign verifies the whole ledger and that it goes on from what the witness countersigned before, and then countersigns its
// checkpoint. The report says what is wrong when the error is ErrInconsistent.
func (r *Reader) Cosign(ctx context.Context, keyFile string) (*Cosignature, *Report, error) {
	private, public, err := readWitness(keyFile)
	if err != nil {
		return nil, nil, err
	}
	signer, err := fnote.NewSignerForCosignatureV1(private)
	if err != nil {
		return nil, nil, fmt.Errorf("witness key %s: %w", keyFile, err)
	}
	c := &Cosignature{Witness: public, Kept: filepath.Join(keyFile+".seen", r.verifier.Name())}
	pins, err := r.kept(c)
	if err != nil {
		return nil, nil, err
	}
	raw, err := readLimited(filepath.Join(r.dir, checkpointFile), 64<<10)
	if err != nil {
		return nil, nil, err
	}
	checkpoint, err := openCheckpoint(raw, r.verifier)
	if err != nil {
		return nil, nil, err
	}
	// What is verified may be longer by now than what is signed, so the latter is one more thing to agree with.
	pins = append(pins, Pin{Name: "the checkpoint", Size: checkpoint.Size, root: checkpoint.Root})
	report, err := r.Verify(ctx, pins...)
	if err != nil {
		return nil, nil, err
	}
	if len(report.Problems) > 0 {
		return nil, report, ErrInconsistent
	}
	signed, err := note.Sign(checkpoint.note, signer)
	if err != nil {
		return nil, report, fmt.Errorf("countersign: %w", err)
	}
	c.Size = checkpoint.Size
	return c, report, r.keep(c, signer.Name(), public, signed)
}

// kept is the checkpoint that the witness countersigned last.
func (r *Reader) kept(c *Cosignature) ([]Pin, error) {
	before, err := r.Pin(c.Kept, c.Witness)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.Seen = before.Size
	return []Pin{before}, nil
}

// keep writes what was signed, first where the witness remembers it.
func (r *Reader) keep(c *Cosignature, name, public string, signed []byte) error {
	dir := filepath.Join(r.dir, witnessDir, fileName(name))
	c.File = filepath.Join(dir, checkpointFile)
	for _, f := range []struct {
		path string
		data []byte
	}{{c.Kept, signed}, {filepath.Join(dir, publicKeyFile), []byte(public + "\n")}, {c.File, signed}} {
		if err := replaceFile(f.path, f.data); err != nil {
			return fmt.Errorf("countersign: %w", err)
		}
	}
	return nil
}

// fileName makes the name of a key into one of a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == filepath.Separator || r == '.' {
			return '_'
		}
		return r
	}, name)
}

func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

func readWitness(path string) (private, public string, err error) {
	text, err := readLimited(path, 4<<10)
	if err != nil {
		return "", "", fmt.Errorf("witness key: %w", err)
	}
	private, public, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !ok {
		return "", "", fmt.Errorf("witness key %s: want two lines, the private key and the public key", path)
	}
	return private, public, nil
}

// Pin reads a checkpoint of this ledger that was kept elsewhere. With the keys of witnesses, as texts or files, it must bear
// the countersignature of one of them.
func (r *Reader) Pin(path string, witnesses ...string) (Pin, error) {
	raw, err := readLimited(path, 64<<10)
	if err != nil {
		return Pin{}, err
	}
	verifiers, err := witnessKeys(witnesses)
	if err != nil {
		return Pin{}, err
	}
	c, err := openCheckpoint(raw, r.verifier, verifiers...)
	if err != nil {
		return Pin{}, fmt.Errorf("%s: %w", path, err)
	}
	pin := Pin{Name: path, Size: c.Size, root: c.Root}
	if len(verifiers) == 0 {
		return pin, nil
	}
	for _, s := range c.note.Sigs {
		if s.Name != r.verifier.Name() || s.Hash != r.verifier.KeyHash() {
			pin.Time, err = fnote.CoSigV1Timestamp(s)
			return pin, err
		}
	}
	return Pin{}, fmt.Errorf("%s: it is not countersigned by %s", path, verifiers[0].Name())
}

func witnessKeys(keys []string) ([]note.Verifier, error) {
	var verifiers []note.Verifier
	for _, k := range keys {
		text, err := keyText(k)
		if err != nil {
			return nil, fmt.Errorf("witness's public key: %w", err)
		}
		v, err := fnote.NewVerifierForCosignatureV1(text)
		if err != nil {
			return nil, fmt.Errorf("witness's public key %s: %w", k, err)
		}
		verifiers = append(verifiers, v)
	}
	return verifiers, nil
}

// Witnessed reads the countersigned checkpoints that lie with the ledger. Each of the given witnesses must have one; without
// any, those whose keys lie there too are taken, which shows mistakes but no forgery.
func (r *Reader) Witnessed(witnesses ...string) ([]Pin, error) {
	if len(witnesses) > 0 {
		return r.witnessedBy(witnesses)
	}
	found, err := filepath.Glob(filepath.Join(r.dir, witnessDir, "*", publicKeyFile))
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for _, key := range found {
		pin, err := r.Pin(filepath.Join(filepath.Dir(key), checkpointFile), key)
		if err != nil {
			return nil, fmt.Errorf("countersigned checkpoint: %w", err)
		}
		pin.FromCopy = true
		pins = append(pins, pin)
	}
	return pins, nil
}

func (r *Reader) witnessedBy(witnesses []string) ([]Pin, error) {
	var pins []Pin
	for _, w := range witnesses {
		keys, err := witnessKeys([]string{w})
		if err != nil {
			return nil, err
		}
		path := filepath.Join(r.dir, witnessDir, fileName(keys[0].Name()), checkpointFile)
		pin, err := r.Pin(path, w)
		if err != nil {
			return nil, fmt.Errorf("countersigned checkpoint of %s: %w", keys[0].Name(), err)
		}
		pins = append(pins, pin)
	}
	return pins, nil
}
