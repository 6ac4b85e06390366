package kit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"

	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
)

// boxes are the resources of the bare provider, by scope and id.
type boxes struct {
	mu   sync.Mutex
	of   map[uint64]map[uint64]uint32
	last uint64
}

func uvarint(n uint64) []byte { return binary.AppendUvarint(nil, n) }

// anyID takes ids as they come.
type anyID struct{}

func (anyID) ID(h *wit.Handle) (uint64, error) { return h.Object.(uint64), nil }
func (anyID) Handle(t *wit.Type, id uint64) (*wit.Handle, error) {
	return &wit.Handle{Resource: t.Resource, Object: id}, nil
}

func (w *wire) give(scope uint64, content uint32) uint64 {
	b := &w.boxes
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[scope] == nil {
		b.of[scope] = map[uint64]uint32{}
	}
	b.last++
	id := b.last
	if w.has("uses ids again") {
		for id = 1; ; id++ {
			if _, taken := b.of[scope][id]; !taken {
				break
			}
		}
	}
	if w.has("gives the id 0") {
		id = 0
	}
	b.of[scope][id] = content
	return id
}

func (b *boxes) find(scope, id uint64, anywhere bool) (uint32, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if anywhere {
		for _, boxes := range b.of {
			if n, ok := boxes[id]; ok {
				return n, true
			}
		}
	}
	n, ok := b.of[scope][id]
	return n, ok
}

func (w *wire) Drop(_ context.Context, r *pb.DropRequest) (*pb.DropResponse, error) {
	b := &w.boxes
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range r.GetHandles() {
		if _, ok := b.of[r.GetScope()][id]; !ok && w.has("refuses to drop the unknown") {
			return nil, errors.New("no such box")
		}
		if !w.has("keeps what is dropped") {
			delete(b.of[r.GetScope()], id)
		}
		if w.has("drops what is another's") {
			for _, boxes := range b.of {
				delete(boxes, id)
			}
		}
	}
	if r.GetScopeEnded() && !w.has("keeps what its scope had") {
		delete(b.of, r.GetScope())
	}
	return &pb.DropResponse{}, nil
}
