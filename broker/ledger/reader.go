package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"
)

// Reader is an auditor's end: it reads the files of a ledger, or a copy of them. Its methods are safe for concurrent use.
type Reader struct {
	dir      string
	verifier note.Verifier
	// Public is the key that checkpoints are verified with, and FromCopy that it came with the files it is to vouch for:
	// whoever could change those could change it too.
	Public   string
	FromCopy bool
}

const maxBundle = layout.EntryBundleWidth * (maxEntry + 2)

// OpenReader opens a ledger's directory. The public key is the text of one, or the path of its file; "" takes the one that
// lies in the directory.
func OpenReader(dir, publicKey string) (*Reader, error) {
	r := &Reader{dir: dir, FromCopy: publicKey == ""}
	if publicKey == "" {
		publicKey = filepath.Join(dir, publicKeyFile)
	}
	var err error
	if r.Public, err = keyText(publicKey); err != nil {
		return nil, fmt.Errorf("open the ledger in %s: %w", dir, err)
	}
	if r.verifier, err = note.NewVerifier(r.Public); err != nil {
		return nil, fmt.Errorf("open the ledger in %s: public key: %w", dir, err)
	}
	return r, nil
}

// keyText is a public key, or the content of its file. A key has two "+", which no name of a key file needs.
func keyText(keyOrPath string) (string, error) {
	if strings.Count(keyOrPath, "+") >= 2 && !strings.ContainsRune(keyOrPath, filepath.Separator) {
		return keyOrPath, nil
	}
	if _, err := os.Stat(keyOrPath); err != nil && strings.Count(keyOrPath, "+") >= 2 {
		return keyOrPath, nil // base64 has "/" too
	}
	text, err := readLimited(keyOrPath, 4<<10)
	return strings.TrimSpace(string(text)), err
}

// Checkpoint reads what the log signed last.
func (r *Reader) Checkpoint() (*Checkpoint, error) {
	raw, err := readLimited(filepath.Join(r.dir, checkpointFile), 64<<10)
	if err != nil {
		return nil, err
	}
	return openCheckpoint(raw, r.verifier)
}

// Located is an entry and its place. A leaf of the tree holds one entry or several.
type Located struct {
	Leaf uint64
	Line int // in its leaf, from 0
	Entry
}

// Entries yields the entries of the leaves from one to another, which a checkpoint of that size or more covers. It stops
// after the first error. What it yields is not verified.
func (r *Reader) Entries(ctx context.Context, from, size uint64) iter.Seq2[Located, error] {
	return func(yield func(Located, error) bool) {
		for at := from; at < size; {
			leaves, err := r.bundle(at/layout.EntryBundleWidth, size)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Located{Leaf: at}, err)
				return
			}
			for _, leaf := range leaves[at%layout.EntryBundleWidth:] {
				if !yieldLeaf(at, leaf, yield) {
					return
				}
				at++
			}
		}
	}
}

func yieldLeaf(at uint64, leaf []byte, yield func(Located, error) bool) bool {
	line := 0
	for text := range bytes.SplitSeq(leaf, []byte{'\n'}) {
		e, err := ParseEntry(text)
		if err != nil {
			yield(Located{Leaf: at, Line: line}, fmt.Errorf("leaf %d, line %d: %w", at, line+1, err))
			return false
		}
		if !yield(Located{at, line, e}, nil) {
			return false
		}
		line++
	}
	return true
}

// bundle reads the leaves of one file of entries, as far as a tree of that size has them.
func (r *Reader) bundle(index, size uint64) ([][]byte, error) {
	partial := layout.PartialTileSize(0, index, size)
	name := layout.EntriesPath(index, partial)
	data, err := r.resource(name, layout.EntriesPath(index, 0), maxBundle)
	if err != nil {
		return nil, err
	}
	want := int(partial)
	if partial == 0 {
		want = layout.EntryBundleWidth
	}
	leaves := make([][]byte, 0, want)
	for len(leaves) < want {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s: it ends after %d of %d leaves", name, len(leaves), want)
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		leaves, data = append(leaves, data[2:n]), data[n:]
	}
	return leaves, nil
}

// tile reads the hashes of one tile.
func (r *Reader) tile(level, index, size uint64) ([][]byte, error) {
	partial := layout.PartialTileSize(level, index, size)
	name := layout.TilePath(level, index, partial)
	data, err := r.resource(name, layout.TilePath(level, index, 0), layout.TileWidth*hashSize)
	if err != nil {
		return nil, err
	}
	want := int(partial)
	if partial == 0 {
		want = layout.TileWidth
	}
	if len(data) < want*hashSize {
		return nil, fmt.Errorf("%s: it has %d of %d hashes", name, len(data)/hashSize, want)
	}
	hashes := make([][]byte, want)
	for i := range hashes {
		hashes[i] = data[i*hashSize : (i+1)*hashSize]
	}
	return hashes, nil
}

// resource reads a file of the log. The partial forms of one go when it is full.
func (r *Reader) resource(name, full string, limit int64) ([]byte, error) {
	data, err := readLimited(filepath.Join(r.dir, name), limit)
	if errors.Is(err, fs.ErrNotExist) && name != full {
		return readLimited(filepath.Join(r.dir, full), limit)
	}
	return data, err
}

func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, limit)
	}
	return data, err
}

// Name is the name of the log, which is that of its key.
func (r *Reader) Name() string { return r.verifier.Name() }
