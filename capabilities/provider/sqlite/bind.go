package sqlite

import (
	"strconv"

	"github.com/ncruces/go-sqlite3"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// places are the numbers, from 1, of the parameters that a statement's places
// take: ?2 and $2 the second, wherever they stand. To SQLite itself $2 is a
// name like any other, of the place where it stands first.
func places(s *sqlite3.Stmt) ([]int, error) {
	out := make([]int, s.BindCount())
	for i := range out {
		name := s.BindName(i + 1)
		switch {
		case name == "" || name[0] == '?': // SQLite counts these itself
			out[i] = i + 1
			continue
		case name[0] == '$':
			if n, err := strconv.ParseUint(name[1:], 10, 16); err == nil && 1 <= n && n <= maxParameters {
				out[i] = int(n)
				continue
			}
		}
		return nil, backend.Errorf(backend.Invalid, "the parameter %s has a name: parameters are ?1 or $1 and so on", name)
	}
	return out, nil
}

// bind gives a statement its parameters.
func (s *statement) bind(values []backend.Value) error {
	var n int
	for _, place := range s.places {
		n = max(n, place)
	}
	if n != len(values) {
		return backend.Errorf(backend.Invalid, "the statement takes %d parameters and has %d", n, len(values))
	}
	for i, place := range s.places {
		if err := s.bindOne(i+1, values[place-1]); err != nil {
			return failure(err)
		}
	}
	return nil
}

func (s *statement) bindOne(i int, v backend.Value) error {
	switch v.Kind {
	case backend.Null:
		return s.BindNull(i)
	case backend.Boolean, backend.Integer:
		return s.BindInt64(i, v.Int)
	case backend.Double:
		return s.BindFloat(i, v.Float())
	case backend.Blob:
		if len(v.Bytes) == 0 {
			return s.BindZeroBlob(i, 0)
		}
		return s.BindBlob(i, v.Bytes)
	case backend.Decimal:
		if !isDecimal(v.Text) {
			return backend.Errorf(backend.Invalid, "parameter %d: %q is not a decimal number", i, v.Text)
		}
	}
	t, err := asText(v)
	if err != nil {
		return err
	}
	return s.BindText(i, t)
}
