package ledger

import (
	"encoding/base64"
	"fmt"

	flog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

const checkpointFile = "checkpoint"

// Checkpoint is what a signature vouches for: so many entries, and the root of the tree over them.
type Checkpoint struct {
	Size uint64
	Root [32]byte
	note *note.Note
}

// RootText is the root as checkpoints write it.
func (c *Checkpoint) RootText() string { return base64.StdEncoding.EncodeToString(c.Root[:]) }

// openCheckpoint reads a checkpoint of the log that a verifier is for, and checks the log's signature.
func openCheckpoint(raw []byte, log note.Verifier, witnesses ...note.Verifier) (*Checkpoint, error) {
	c, _, n, err := flog.ParseCheckpoint(raw, log.Name(), log, witnesses...)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if len(c.Hash) != rfc6962.DefaultHasher.Size() {
		return nil, fmt.Errorf("checkpoint: a root of %d bytes", len(c.Hash))
	}
	return &Checkpoint{Size: c.Size, Root: [32]byte(c.Hash), note: n}, nil
}
