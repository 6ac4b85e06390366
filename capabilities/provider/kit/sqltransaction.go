package kit

import (
	"errors"
	"fmt"

	"github.com/writ-host/writ/capabilities/sql/backend"
	"golang.org/x/sync/errgroup"
)

func sqlTransactions(b *bench) error {
	a, _, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	for _, commit := range []bool{false, true} {
		id, err := b.p.SQL().Begin(b.ctx, sqlAt, backend.ReadWrite)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		if _, err := b.runIn(id, "INSERT INTO "+a+" VALUES (3, 'c')"); err != nil {
			return err
		}
		if err := b.counts(2, "SELECT count(*) FROM "+a); err != nil {
			return fmt.Errorf("before it is committed: %w", err)
		}
		if err := b.p.SQL().End(b.ctx, sqlAt, id, commit); err != nil {
			return fmt.Errorf("end, commit %v: %w", commit, err)
		}
		want := int64(2)
		if commit {
			want = 3
		}
		if err := b.counts(want, "SELECT count(*) FROM "+a); err != nil {
			return fmt.Errorf("after it has ended, commit %v: %w", commit, err)
		}
	}
	return nil
}

// sqlFailedStatement says that a transaction with a failed statement is never
// committed by halves without a word: it goes on without that statement, or it
// is refused.
func sqlFailedStatement(b *bench) error {
	a, _, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	if _, err := b.run("INSERT INTO " + a + " VALUES (3, 'c'), (1, 'again')"); !sqlIs(err, backend.Constraint) {
		return fmt.Errorf("two rows of which one is there: %v; want CODE_CONSTRAINT", err)
	}
	if err := b.unchanged(a); err != nil {
		return err
	}
	id, err := b.p.SQL().Begin(b.ctx, sqlAt, backend.ReadWrite)
	if err != nil {
		return err
	}
	if _, err := b.runIn(id, "INSERT INTO "+a+" VALUES (3, 'c')"); err != nil {
		return err
	}
	if _, err := b.runIn(id, "INSERT INTO "+a+" VALUES (3, 'again')"); !sqlIs(err, backend.Constraint) {
		return fmt.Errorf("a row twice: %v; want CODE_CONSTRAINT", err)
	}
	want := int64(3)
	if err := b.p.SQL().End(b.ctx, sqlAt, id, true); err != nil {
		want = 2
	}
	return b.counts(want, "SELECT count(*) FROM "+a)
}

func sqlReadOnly(b *bench) error {
	a, c, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	for _, t := range touches(a, c)[1:5] {
		id, err := b.p.SQL().Begin(b.ctx, sqlAt, backend.ReadOnly)
		if err != nil {
			return err
		}
		if _, err := b.runIn(id, t.text); err == nil {
			return fmt.Errorf("%q ran in a read-only transaction", t.text)
		}
		_ = b.p.SQL().End(b.ctx, sqlAt, id, true) // may fail for the statement that did
	}
	return b.unchanged(a, c)
}

func sqlEnded(b *bench) error {
	id, err := b.p.SQL().Begin(b.ctx, sqlAt, backend.ReadOnly)
	if err != nil {
		return err
	}
	if _, err := b.p.SQL().Execute(b.ctx, sqlOther, backend.Statement{Text: "SELECT 1", Transaction: id}); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("another app's statement in a transaction: %v; want CODE_CLOSED", err)
	}
	if err := b.p.SQL().End(b.ctx, sqlOther, id, true); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("another app ends a transaction: %v; want CODE_CLOSED", err)
	}
	if _, err := b.runIn(id, "SELECT 1"); err != nil {
		return fmt.Errorf("after others tried: %w", err)
	}
	if err := b.p.SQL().End(b.ctx, sqlAt, id, true); err != nil {
		return err
	}
	if _, err := b.runIn(id, "SELECT 1"); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("a statement after the end: %v; want CODE_CLOSED", err)
	}
	if err := b.p.SQL().End(b.ctx, sqlAt, id, true); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("a second end: %v; want CODE_CLOSED", err)
	}
	return nil
}

// sqlSerialisable has clients that read a number and write it one larger. A
// conflict is to be tried again.
func sqlSerialisable(b *bench) error {
	const clients, each = 8, 5
	t, drop, err := b.table("id INTEGER PRIMARY KEY, n INTEGER")
	if err != nil {
		return err
	}
	defer drop()
	if _, err := b.run("INSERT INTO " + t + " VALUES (1, 0)"); err != nil {
		return err
	}
	add := adding{b: b, read: backend.Statement{Text: "SELECT n FROM " + t + " WHERE id = 1"},
		write: backend.Statement{Text: "UPDATE " + t + " SET n = $1 WHERE id = 1"}}
	for _, s := range []*backend.Statement{&add.read, &add.write} {
		p, err := b.p.SQL().Prepare(b.ctx, sqlAt, s.Text)
		if err != nil {
			return err
		}
		s.Allowed = p.Accesses
	}
	var g errgroup.Group
	for range clients {
		g.Go(func() error {
			for done := 0; done < each; {
				err := add.one()
				if err != nil && !sqlIs(err, backend.Conflict) {
					return err
				}
				if err == nil {
					done++
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return b.counts(clients*each, "SELECT n FROM "+t)
}

// adding is a transaction of a reading and a writing statement.
type adding struct {
	b           *bench
	read, write backend.Statement
}

func (a adding) one() error {
	db, ctx := a.b.p.SQL(), a.b.ctx
	id, err := db.Begin(ctx, sqlAt, backend.ReadWrite)
	if err != nil {
		return err
	}
	read, write := a.read, a.write
	read.Transaction, write.Transaction = id, id
	r, err := db.Execute(ctx, sqlAt, read)
	if err == nil && len(r.Rows.Rows) != 1 {
		err = errors.New("the row is not there")
	}
	if err == nil {
		write.Parameters = []backend.Value{backend.Int(r.Rows.Rows[0][0].Int + 1)}
		_, err = db.Execute(ctx, sqlAt, write)
	}
	if err == nil {
		return db.End(ctx, sqlAt, id, true)
	}
	if end := db.End(ctx, sqlAt, id, false); !sqlIs(end, backend.Closed, backend.Conflict) { // which the failure may have brought
		return errors.Join(err, end)
	}
	return err
}
