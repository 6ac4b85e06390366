package provider

import (
	"time"

	kvbackend "github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/sql/backend"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
)

func wireSQLCaller(at backend.Caller, timeout time.Duration) *pb.Caller {
	return &pb.Caller{App: at.App, Component: at.Component, GrantId: at.Grant, TimeoutUs: uint64(timeout.Microseconds())}
}

func readSQLCaller(c *pb.Caller, database string) backend.Caller {
	return backend.Caller{Database: database, App: c.GetApp(), Component: c.GetComponent(), Grant: c.GetGrantId()}
}

// wireSQLError is an operation's error as it travels; nil for nil.
func wireSQLError(err error) *pb.SQLError {
	e := backend.AsError(err)
	if e == nil {
		return nil
	}
	return &pb.SQLError{Code: pb.SQLError_Code(e.Code), Message: e.Message, Violated: pb.SQLError_Violated(e.Violated)}
}

// readSQLError is an operation's error as it came; a code that this host does
// not know counts as internal.
func readSQLError(e *pb.SQLError) error {
	if e == nil {
		return nil
	}
	r := &backend.Error{Code: backend.Internal, Message: e.GetMessage()}
	if c := e.GetCode(); c > 0 && c < pb.SQLError_Code(backend.Internal) {
		r.Code = backend.Code(c)
	}
	if v := e.GetViolated(); v > 0 && v <= pb.SQLError_Violated(backend.Check) {
		r.Violated = backend.Violated(v)
	}
	return r
}

// wireCodes are the failures of the wire itself, as failures of a statement.
var wireCodes = map[kvbackend.Code]backend.Code{
	kvbackend.Invalid: backend.Invalid, kvbackend.TooLarge: backend.TooLarge, kvbackend.Deadline: backend.Deadline,
	kvbackend.Unavailable: backend.Unavailable, kvbackend.Unimplemented: backend.Unimplemented,
}

// sqlWireError is a failure of the wire; nil for nil.
func sqlWireError(err error) error {
	e := kvbackend.AsError(err)
	if e == nil {
		return nil
	}
	code, ok := wireCodes[e.Code]
	if !ok {
		code = backend.Internal
	}
	return &backend.Error{Code: code, Message: e.Error()}
}

func wireAccesses(list []backend.Access) []*pb.SQLAccess {
	block := make([]pb.SQLAccess, len(list))
	out := make([]*pb.SQLAccess, len(list))
	for i, a := range list {
		block[i].Verb, block[i].Table = a.Verb, a.Table
		out[i] = &block[i]
	}
	return out
}

func readAccesses(list []*pb.SQLAccess) []backend.Access {
	out := make([]backend.Access, len(list))
	for i, a := range list {
		out[i] = backend.Access{Verb: a.GetVerb(), Table: a.GetTable()}
	}
	return out
}

func wireColumns(list []backend.Column) []*pb.SQLColumn {
	out := make([]*pb.SQLColumn, len(list))
	for i, c := range list {
		out[i] = &pb.SQLColumn{Name: c.Name, Type: c.Type}
	}
	return out
}

func readColumns(list []*pb.SQLColumn) []backend.Column {
	out := make([]backend.Column, len(list))
	for i, c := range list {
		out[i] = backend.Column{Name: c.GetName(), Type: c.GetType()}
	}
	return out
}

func wireRows(rows [][]backend.Value) []*pb.SQLRow {
	out := make([]*pb.SQLRow, len(rows))
	for i, r := range rows {
		out[i] = &pb.SQLRow{Values: wireValues(r)}
	}
	return out
}

// readRows refuses rows that are not of the width that the columns say.
func readRows(rows []*pb.SQLRow) ([][]backend.Value, error) {
	out := make([][]backend.Value, len(rows))
	for i, r := range rows {
		if i > 0 && len(r.GetValues()) != len(rows[0].GetValues()) {
			return nil, backend.Errorf(backend.Internal, "the provider's rows are of different widths")
		}
		out[i] = readValues(r.GetValues())
	}
	return out, nil
}

func wireValues(values []backend.Value) []*pb.SQLValue {
	block := make([]pb.SQLValue, len(values))
	out := make([]*pb.SQLValue, len(values))
	for i, v := range values {
		wireValue(&block[i], v)
		out[i] = &block[i]
	}
	return out
}

func wireValue(to *pb.SQLValue, v backend.Value) {
	switch v.Kind {
	case backend.Boolean:
		to.Value = &pb.SQLValue_Boolean{Boolean: v.Int != 0}
	case backend.Integer:
		to.Value = &pb.SQLValue_Integer{Integer: v.Int}
	case backend.Double:
		to.Value = &pb.SQLValue_Double{Double: v.Float()}
	case backend.Decimal:
		to.Value = &pb.SQLValue_Decimal{Decimal: v.Text}
	case backend.Text:
		to.Value = &pb.SQLValue_Text{Text: v.Text}
	case backend.Blob:
		to.Value = &pb.SQLValue_Blob{Blob: v.Bytes}
	case backend.Date:
		to.Value = &pb.SQLValue_Date{Date: v.Int}
	case backend.Time:
		to.Value = &pb.SQLValue_Time{Time: v.Int}
	case backend.DateTime:
		to.Value = &pb.SQLValue_Datetime{Datetime: v.Int}
	case backend.Timestamp:
		to.Value = &pb.SQLValue_Timestamp{Timestamp: v.Int}
	case backend.JSON:
		to.Value = &pb.SQLValue_Json{Json: v.Text}
	case backend.UUID:
		to.Value = &pb.SQLValue_Uuid{Uuid: v.Text}
	case backend.Array:
		to.Value = &pb.SQLValue_Array{Array: &pb.SQLArray{Items: wireValues(v.Items)}}
	}
}

func readValues(list []*pb.SQLValue) []backend.Value {
	out := make([]backend.Value, len(list))
	for i, v := range list {
		out[i] = readValue(v, true)
	}
	return out
}

// readValue reads one; an array within an array counts as null.
func readValue(v *pb.SQLValue, outer bool) backend.Value {
	switch x := v.GetValue().(type) {
	case *pb.SQLValue_Boolean:
		return backend.Bool(x.Boolean)
	case *pb.SQLValue_Integer:
		return backend.Int(x.Integer)
	case *pb.SQLValue_Double:
		return backend.Float(x.Double)
	case *pb.SQLValue_Decimal:
		return backend.String(backend.Decimal, x.Decimal)
	case *pb.SQLValue_Text:
		return backend.String(backend.Text, x.Text)
	case *pb.SQLValue_Blob:
		return backend.Value{Kind: backend.Blob, Bytes: x.Blob}
	case *pb.SQLValue_Date:
		return backend.Value{Kind: backend.Date, Int: int64(int32(x.Date))}
	case *pb.SQLValue_Time:
		return backend.Value{Kind: backend.Time, Int: x.Time}
	case *pb.SQLValue_Datetime:
		return backend.Value{Kind: backend.DateTime, Int: x.Datetime}
	case *pb.SQLValue_Timestamp:
		return backend.Value{Kind: backend.Timestamp, Int: x.Timestamp}
	case *pb.SQLValue_Json:
		return backend.String(backend.JSON, x.Json)
	case *pb.SQLValue_Uuid:
		return backend.String(backend.UUID, x.Uuid)
	case *pb.SQLValue_Array:
		if !outer {
			return backend.Value{}
		}
		items := make([]backend.Value, len(x.Array.GetItems()))
		for i, item := range x.Array.GetItems() {
			items[i] = readValue(item, false)
		}
		return backend.Value{Kind: backend.Array, Items: items}
	}
	return backend.Value{}
}

func sqlCallerOf(op *pb.SQLOperation) *pb.Caller {
	switch o := op.GetOperation().(type) {
	case *pb.SQLOperation_Prepare:
		return o.Prepare.GetCaller()
	case *pb.SQLOperation_Execute:
		return o.Execute.GetCaller()
	case *pb.SQLOperation_Fetch:
		return o.Fetch.GetCaller()
	case *pb.SQLOperation_CloseCursor:
		return o.CloseCursor.GetCaller()
	case *pb.SQLOperation_Begin:
		return o.Begin.GetCaller()
	case *pb.SQLOperation_End:
		return o.End.GetCaller()
	}
	return nil
}
