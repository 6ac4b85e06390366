package canon

// Scope is one call's bookkeeping of borrows, on one side of the call. The
// zero value is ready; Exit makes it ready again. Keep one for each call that
// is under way, not for each call ever made: it reuses its memory.
//
// On the side of a guest that calls out, it remembers the handles that were
// lent; Exit comes after the result was lowered, or after the call failed. On the side of a guest that is called, it counts the borrows that the
// guest was given and must drop before it returns; Exit comes after the result
// was lifted.
type Scope struct {
	lent    []loan
	borrows int
}

type loan struct {
	table *Table
	index uint32
}

// Exit ends the call: what was lent can be dropped again. It traps when the
// guest kept a borrow that it was given.
func (s *Scope) Exit() error {
	for _, l := range s.lent {
		l.table.unlend(l.index)
	}
	kept := s.borrows
	clear(s.lent)
	s.lent, s.borrows = s.lent[:0], 0
	if kept > 0 {
		return trapf("%d borrowed handles were not dropped when the call returned", kept)
	}
	return nil
}
