package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
)

const hashSize = 32

// maxProblems bounds what a Report lists.
const maxProblems = 20

// Report is what Verify found.
type Report struct {
	Public   string `json:"public_key"`
	FromCopy bool   `json:"key_from_copy"` // the key lies with what it vouches for
	Leaves   uint64 `json:"leaves"`        // that the checkpoint covers
	Entries  uint64 `json:"entries"`       // in them
	Root     string `json:"root"`
	// Unsigned are the leaves that were written after the checkpoint, and that nothing vouches for yet.
	Unsigned uint64    `json:"unsigned_leaves"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Runs     int       `json:"runs"`
	// Unfinished are the runs without an end: the host was killed, or the run goes on. Up to a second of allows may be missing.
	Unfinished []string `json:"unfinished_runs"`
	Pins       []Pin    `json:"against"`
	Problems   []string `json:"problems"` // empty when nothing was altered, at most maxProblems
}

// Pin is an earlier checkpoint that the ledger must still agree with.
type Pin struct {
	Name string    `json:"name"` // of the file, or of the witness
	Size uint64    `json:"leaves"`
	Time time.Time `json:"time,omitzero"` // of the cosignature
	// FromCopy is of a witness whose key came with the ledger.
	FromCopy bool `json:"key_from_copy"`
	Agrees   bool `json:"agrees"`

	root [hashSize]byte
}

// Verify recomputes the tree over all entries and sets it against the signed checkpoint, the tiles, earlier checkpoints and
// the entries' own numbers. What does not agree is in the report's Problems; an error is that the ledger could not be read.
func (r *Reader) Verify(ctx context.Context, pins ...Pin) (*Report, error) {
	v := &verification{reader: r, report: &Report{Public: r.Public, FromCopy: r.FromCopy, Unfinished: []string{}, Pins: unproven(pins), Problems: []string{}},
		tree: (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0), runs: map[string]*run{}}
	c, err := r.Checkpoint()
	if err != nil {
		v.problem("%v", err)
		return v.report, nil
	}
	v.checkpoint = c
	v.report.Leaves, v.report.Root = c.Size, c.RootText()
	if err := v.entries(ctx); err != nil {
		return nil, err
	}
	v.root()
	v.pinned()
	v.upperTiles()
	v.state()
	v.ended()
	return v.report, nil
}

// unproven copies pins, without what an earlier verification said of them.
func unproven(pins []Pin) []Pin {
	copied := slices.Clone(pins)
	for i := range copied {
		copied[i].Agrees = false
	}
	return copied
}

type verification struct {
	reader     *Reader
	report     *Report
	checkpoint *Checkpoint
	tree       *compact.Range
	tiles      [][]byte // hashes of the full tiles of the level that is looked at
	broken     bool     // the entries could not all be read
	runs       map[string]*run
}

// run is what was seen of a host's run. Its entries are in order, but for those that a failing disk took late.
type run struct {
	next    uint64          // after the highest number seen
	missing map[uint64]bool // numbers below it that were not seen
	over    bool
}

// maxMissing bounds the entries of a run that are looked for further on.
const maxMissing = 1 << 20

// saw notes the number of an entry, and reports whether it was to come.
func (r *run) saw(seq uint64) bool {
	if seq < r.next {
		late := r.missing[seq]
		delete(r.missing, seq)
		return late
	}
	if seq-r.next > maxMissing-uint64(len(r.missing)) {
		return false
	}
	for ; r.next < seq; r.next++ {
		r.missing[r.next] = true
	}
	r.next++
	return true
}

func (v *verification) problem(format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, fmt.Sprintf(format, args...))
	}
}

// entries goes through all leaves in order.
func (v *verification) entries(ctx context.Context) error {
	size := v.checkpoint.Size
	for index := range (size + layout.EntryBundleWidth - 1) / layout.EntryBundleWidth {
		if err := ctx.Err(); err != nil {
			return err
		}
		leaves, err := v.reader.bundle(index, size)
		if err != nil {
			v.problem("leaves from %d: %v", index*layout.EntryBundleWidth, err)
			v.broken = true
			return nil
		}
		hashes := make([][]byte, len(leaves))
		for i, leaf := range leaves {
			hashes[i] = rfc6962.DefaultHasher.HashLeaf(leaf)
		}
		v.lowTile(index, hashes)
		for i, leaf := range leaves {
			v.leaf(index*layout.EntryBundleWidth+uint64(i), leaf, hashes[i])
		}
	}
	return nil
}

// lowTile sets the hashes of a file of entries against its tile, which tells where an entry was changed.
func (v *verification) lowTile(index uint64, hashes [][]byte) {
	stored, err := v.reader.tile(0, index, v.checkpoint.Size)
	if err != nil {
		v.problem("tree: %v", err)
	} else {
		for i := range hashes {
			if !bytes.Equal(hashes[i], stored[i]) {
				v.problem("leaf %d: it is not what the tree holds at this place: changed, dropped or out of order", index*layout.EntryBundleWidth+uint64(i))
			}
		}
	}
	if len(hashes) == layout.TileWidth {
		v.tiles = append(v.tiles, tileRoot(hashes))
	}
}

// leaf adds a leaf to the tree, and looks at its entries.
func (v *verification) leaf(at uint64, leaf, hash []byte) {
	for i := range v.report.Pins {
		v.pin(&v.report.Pins[i], at)
	}
	if err := v.tree.Append(hash, nil); err != nil {
		v.problem("leaf %d: %v", at, err)
		v.broken = true
	}
	yieldLeaf(at, leaf, func(e Located, err error) bool {
		if err != nil {
			v.problem("%v", err)
			return false
		}
		v.entry(e)
		return true
	})
}

// entry checks an entry's number in its run.
func (v *verification) entry(e Located) {
	v.report.Entries++
	if v.report.First.IsZero() || e.Time.Before(v.report.First) {
		v.report.First = e.Time
	}
	if e.Time.After(v.report.Last) {
		v.report.Last = e.Time
	}
	in := v.runs[e.Run]
	if in == nil {
		in = &run{missing: map[uint64]bool{}}
		v.runs[e.Run] = in
	}
	if !in.saw(e.Seq) {
		v.problem("leaf %d: entry %d of run %s is there again, or far from its place", e.Leaf, e.Seq, e.Run)
	}
	in.over = e.Kind == Host && e.Event == Stopped
}

// pin compares the tree, as it was before a leaf, with an earlier checkpoint of that size.
func (v *verification) pin(p *Pin, size uint64) {
	if p.Size == size {
		root, err := v.treeRoot()
		p.Agrees = err == nil && !v.broken && bytes.Equal(root, p.root[:])
	}
}

func (v *verification) treeRoot() ([]byte, error) {
	if v.tree.End() == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	return v.tree.GetRootHash(nil)
}

func (v *verification) root() {
	if v.broken {
		return
	}
	root, err := v.treeRoot()
	if err != nil || !bytes.Equal(root, v.checkpoint.Root[:]) {
		v.problem("the entries do not lead to the root that the checkpoint signs")
	}
}

// pinned reports the earlier checkpoints that the ledger does not agree with.
func (v *verification) pinned() {
	for i := range v.report.Pins {
		p := &v.report.Pins[i]
		v.pin(p, v.tree.End())
		switch {
		case p.Agrees:
		case p.Size > v.checkpoint.Size:
			v.problem("%s vouches for %d leaves, and the ledger ends after %d: it was cut short", p.Name, p.Size, v.checkpoint.Size)
		default:
			v.problem("%s vouches for other entries among the first %d leaves", p.Name, p.Size)
		}
	}
}

// upperTiles compares the tiles above the lowest with the hashes of the tiles below them.
func (v *verification) upperTiles() {
	for level := uint64(1); len(v.tiles) > 0 && !v.broken; level++ {
		var above [][]byte
		for index, hashes := range slices.Collect(slices.Chunk(v.tiles, layout.TileWidth)) {
			stored, err := v.reader.tile(level, uint64(index), v.checkpoint.Size)
			switch {
			case err != nil:
				v.problem("tree: %v", err)
			case !slices.EqualFunc(hashes, stored, bytes.Equal):
				v.problem("tree: tile %d of level %d does not hold the hashes of the tiles below it", index, level)
			}
			if len(hashes) == layout.TileWidth {
				above = append(above, tileRoot(hashes))
			}
		}
		v.tiles = above
	}
}

func tileRoot(hashes [][]byte) []byte {
	for level := slices.Clone(hashes); ; {
		if len(level) == 1 {
			return level[0]
		}
		for i := range len(level) / 2 {
			level[i] = rfc6962.DefaultHasher.HashChildren(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
}

// state looks at what the writer would go on from. A copy need not have it.
func (v *verification) state() {
	text, err := readLimited(filepath.Join(v.reader.dir, ".state", "treeState"), 4<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var s struct {
		Size uint64
		Root []byte
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	switch {
	case err != nil:
		v.problem("the writer's state: %v", err)
	case s.Size < v.checkpoint.Size:
		v.problem("the writer's state has %d leaves, fewer than the checkpoint signs", s.Size)
	case s.Size == v.checkpoint.Size && !bytes.Equal(s.Root, v.checkpoint.Root[:]):
		v.problem("the writer's state has another root than the checkpoint")
	default:
		v.report.Unsigned = s.Size - v.checkpoint.Size
	}
}

func (v *verification) ended() {
	v.report.Runs = len(v.runs)
	for id, r := range v.runs {
		if len(r.missing) > 0 {
			v.problem("run %s: %d entries are missing", id, len(r.missing))
		}
		if !r.over {
			v.report.Unfinished = append(v.report.Unfinished, id)
		}
	}
	slices.Sort(v.report.Unfinished)
}
