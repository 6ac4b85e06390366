package kit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"golang.org/x/sync/errgroup"
)

// numbers is a statement that has the numbers from 1 to n as rows, without a table.
func numbers(n int) string {
	return fmt.Sprintf("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < %d) SELECT n FROM r", n)
}

func sqlCursors(b *bench) error {
	const rows = 1000
	r, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: numbers(rows), MaxRows: 7})
	if err != nil {
		return err
	}
	next, page, answered := int64(1), r.Rows, r.Cursor
	for {
		if len(page.Rows) > 7 {
			return fmt.Errorf("%d rows came, and 7 were asked for", len(page.Rows))
		}
		for _, row := range page.Rows {
			if row[0].Int != next {
				return fmt.Errorf("row %d has the number %d", next, row[0].Int)
			}
			next++
		}
		if page.Cursor == 0 {
			break
		}
		if page, err = b.p.SQL().Fetch(b.ctx, sqlAt, page.Cursor, 7); err != nil {
			return fmt.Errorf("after row %d: %w", next-1, err)
		}
	}
	if next != rows+1 {
		return fmt.Errorf("%d rows came, want %d", next-1, rows)
	}
	if _, err := b.p.SQL().Fetch(b.ctx, sqlAt, answered, 7); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("a fetch after the end: %v; want CODE_CLOSED", err)
	}
	return nil
}

func sqlClosedCursors(b *bench) error {
	open := func() (uint64, error) {
		r, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: numbers(1000), MaxRows: 1})
		if err == nil && r.Cursor == 0 {
			err = errors.New("there is no cursor to 1000 rows of which one came")
		}
		return r.Cursor, err
	}
	id, err := open()
	if err != nil {
		return err
	}
	if _, err := b.p.SQL().Fetch(b.ctx, sqlOther, id, 1); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("another app's fetch: %v; want CODE_CLOSED", err)
	}
	_ = b.p.SQL().CloseCursor(b.ctx, sqlOther, id) // may be an error, and must not close it
	if _, err := b.p.SQL().Fetch(b.ctx, sqlAt, id, 1); err != nil {
		return fmt.Errorf("after another app closed it: %w", err)
	}
	if err := b.p.SQL().CloseCursor(b.ctx, sqlAt, id); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if _, err := b.p.SQL().Fetch(b.ctx, sqlAt, id, 1); !sqlIs(err, backend.Closed) {
		return fmt.Errorf("a fetch after the close: %v; want CODE_CLOSED", err)
	}
	// Whoever opens and forgets is refused in the end, and hurts nobody else.
	for range 2000 {
		if _, err := open(); err != nil {
			if !sqlIs(err, backend.Unavailable, backend.TooLarge) {
				return fmt.Errorf("cursors without end: %w; want CODE_UNAVAILABLE", err)
			}
			break
		}
	}
	return b.alive()
}

func sqlDurable(b *bench) error {
	t, drop, err := b.table("id INTEGER PRIMARY KEY, v TEXT")
	if err != nil {
		return err
	}
	defer drop()
	for i := range 3 {
		if _, err := b.run("INSERT INTO "+t+" VALUES ($1, 'kept')", backend.Int(int64(i))); err != nil {
			return err
		}
		id, err := b.p.SQL().Begin(b.ctx, sqlAt, backend.ReadWrite)
		if err != nil {
			return err
		}
		if _, err := b.runIn(id, "INSERT INTO "+t+" VALUES ($1, 'lost')", backend.Int(int64(100+i))); err != nil {
			return err
		}
		if err := b.kill(); err != nil {
			return err
		}
		if err := b.counts(int64(i+1), "SELECT count(*) FROM "+t); err != nil {
			return fmt.Errorf("after kill -9 with a transaction open: %w", err)
		}
		if _, err := b.runIn(id, "SELECT 1"); !sqlIs(err, backend.Closed) {
			return fmt.Errorf("a transaction from before kill -9: %v; want CODE_CLOSED", err)
		}
	}
	return nil
}

// sqlDeadline asks without the host's own clock: it is the provider that has to
// end what takes minutes.
func sqlDeadline(b *bench) error {
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	r, err := pb.NewSQLClient(conn).Execute(b.ctx, &pb.ExecuteRequest{Database: "kit", Statement: "SELECT count(*) FROM (" + numbers(1e9) + ") AS r",
		Caller: &pb.Caller{App: "kit", Component: "kit", TimeoutUs: 100_000}})
	if err != nil || r.GetError().GetCode() != pb.SQLError_CODE_DEADLINE {
		return fmt.Errorf("a statement with 100 ms that takes minutes: %v, %v; want CODE_DEADLINE", r, err)
	}
	return errors.Join(b.counts(1, "SELECT 1"), b.alive())
}

func sqlCancelled(b *bench) error {
	t, drop, err := b.table("id INTEGER PRIMARY KEY")
	if err != nil {
		return err
	}
	defer drop()
	insert := backend.Statement{Text: "INSERT INTO " + t + " VALUES ($1)", Allowed: []backend.Access{}}
	p, err := b.p.SQL().Prepare(b.ctx, sqlAt, insert.Text)
	if err != nil {
		return err
	}
	insert.Allowed = p.Accesses
	var g errgroup.Group
	g.SetLimit(16)
	for i := range 100 {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(b.ctx, time.Duration(i%10)*200*time.Microsecond)
			defer cancel()
			s := insert
			s.Parameters = []backend.Value{backend.Int(int64(i))}
			if _, err := b.p.SQL().Execute(ctx, sqlAt, s); err != nil {
				return nil // it may have happened, or not
			}
			n, err := b.count("SELECT count(*) FROM "+t+" WHERE id = $1", backend.Int(int64(i)))
			if err == nil && n != 1 {
				err = fmt.Errorf("row %d was acknowledged, and is not there", i)
			}
			return err
		})
	}
	return errors.Join(g.Wait(), b.alive())
}

// sqlChannel sends many operations in one message, among them one that no
// provider knows.
func sqlChannel(b *bench) error {
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	c, err := pb.NewSQLClient(conn).Channel(b.ctx)
	if err != nil {
		return err
	}
	caller := &pb.Caller{App: "kit", Component: "kit", TimeoutUs: b.left()}
	var ops []*pb.SQLOperation
	want := map[uint64]func(*pb.SQLResult) bool{}
	for i := range 60 {
		op := &pb.SQLOperation{Id: uint64(1000 - 3*i)}
		switch i % 3 {
		case 0:
			op.Operation = &pb.SQLOperation_Prepare{Prepare: &pb.PrepareRequest{Caller: caller, Database: "kit", Statement: "SELECT 1"}}
			want[op.Id] = func(r *pb.SQLResult) bool { return r.GetPrepare() != nil && r.GetPrepare().Error == nil }
		case 1:
			op.Operation = &pb.SQLOperation_Execute{Execute: &pb.ExecuteRequest{Caller: caller, Database: "kit", Statement: fmt.Sprint("SELECT ", i)}}
			want[op.Id] = func(r *pb.SQLResult) bool {
				rows := r.GetExecute().GetRows()
				return len(rows) == 1 && len(rows[0].Values) == 1 && rows[0].Values[0].GetInteger() == int64(i)
			}
		default:
			want[op.Id] = func(r *pb.SQLResult) bool { return r.Result == nil }
		}
		ops = append(ops, op)
	}
	if err := c.Send(&pb.SQLRequest{Operations: ops}); err != nil {
		return err
	}
	return collect(want, (*pb.SQLResult).GetId, func() ([]*pb.SQLResult, error) {
		m, err := c.Recv()
		return m.GetResults(), err
	})
}
