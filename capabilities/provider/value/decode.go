package value

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/writ-host/writ/wit"
)

// Decode reads a value that takes all of b. A list<u8> in it shares b,
// which must not change afterwards.
func Decode(b []byte, t *wit.Type, handles Handles) (wit.Value, error) {
	d := newDecoder(b, handles)
	v, err := d.value(t)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return wit.Value{}, fmt.Errorf("decode %s at byte %d: %w", t, len(b)-len(d.b), err)
	}
	return v, nil
}

// DecodeArgs reads a function's arguments, one after the other, as Decode does.
func DecodeArgs(b []byte, f *wit.Func, handles Handles) ([]wit.Value, error) {
	d := newDecoder(b, handles)
	args := make([]wit.Value, len(f.Params))
	var err error
	for i, p := range f.Params {
		if args[i], err = d.value(p.Type); err != nil {
			return nil, fmt.Errorf("decode %s: parameter %s at byte %d: %w", f.Name, p.Name, len(b)-len(d.b), err)
		}
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", f.Name, err)
	}
	return args, nil
}

// decoder reads from b, which gets shorter.
type decoder struct {
	b       []byte
	handles Handles
	room    int // values that may still come
}

func newDecoder(b []byte, handles Handles) *decoder {
	return &decoder{b: b, handles: orNone(handles), room: MaxValues}
}

var errShort = errors.New("it ends too early")

func (d *decoder) end() error {
	if len(d.b) > 0 {
		return fmt.Errorf("%d bytes are left over", len(d.b))
	}
	return nil
}

func (d *decoder) value(t *wit.Type) (wit.Value, error) {
	if d.room--; d.room < 0 {
		return wit.Value{}, fmt.Errorf("it holds more than %d values", MaxValues)
	}
	switch t.Kind {
	case wit.KindBool, wit.KindU8, wit.KindS8:
		return d.octet(t.Kind)
	case wit.KindU16, wit.KindU32, wit.KindU64, wit.KindChar:
		return d.unsigned(t)
	case wit.KindS16, wit.KindS32, wit.KindS64:
		return d.signed(t)
	case wit.KindF32, wit.KindF64:
		return d.float(t)
	case wit.KindString:
		return d.text()
	case wit.KindList:
		return d.list(t)
	case wit.KindRecord, wit.KindTuple:
		return d.fields(t)
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		return d.oneOf(t)
	case wit.KindFlags:
		return d.flags(t)
	case wit.KindOwn, wit.KindBorrow:
		return d.handle(t)
	}
	return wit.Value{}, fmt.Errorf("a %s cannot come from a provider", t)
}

// take cuts off n bytes.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)) {
		return nil, errShort
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b, nil
}

func (d *decoder) octet(k wit.Kind) (wit.Value, error) {
	b, err := d.take(1)
	switch {
	case err != nil:
		return wit.Value{}, err
	case k == wit.KindS8:
		return wit.S8(int8(b[0])), nil
	case k == wit.KindBool && b[0] > 1:
		return wit.Value{}, fmt.Errorf("a bool is %d", b[0])
	}
	return wit.Scalar(k, uint64(b[0])), nil
}

// uvarint reads an unsigned number in base 128, least digits first, in as few
// bytes as it takes.
func (d *decoder) uvarint() (uint64, error) {
	n, size := binary.Uvarint(d.b)
	switch {
	case size == 0:
		return 0, errShort
	case size < 0:
		return 0, errors.New("a number has more than 64 bits")
	case size > 1 && d.b[size-1] == 0:
		return 0, errors.New("a number is longer than it has to be")
	}
	d.b = d.b[size:]
	return n, nil
}

func (d *decoder) unsigned(t *wit.Type) (wit.Value, error) {
	n, err := d.uvarint()
	switch {
	case err != nil:
		return wit.Value{}, err
	case t.Kind == wit.KindChar && (n > utf8.MaxRune || !utf8.ValidRune(rune(n))):
		return wit.Value{}, fmt.Errorf("%#x is not a Unicode scalar value", n)
	case t.Size < 8 && n>>(8*t.Size) != 0:
		return wit.Value{}, fmt.Errorf("%d is beyond %s", n, t)
	}
	return wit.Scalar(t.Kind, n), nil
}

func (d *decoder) signed(t *wit.Type) (wit.Value, error) {
	u, err := d.uvarint()
	if err != nil {
		return wit.Value{}, err
	}
	n := int64(u>>1) ^ -int64(u&1)
	if spare := 64 - 8*t.Size; n<<spare>>spare != n {
		return wit.Value{}, fmt.Errorf("%d is beyond %s", n, t)
	}
	return wit.Scalar(t.Kind, uint64(n)), nil
}

func (d *decoder) float(t *wit.Type) (wit.Value, error) {
	b, err := d.take(uint64(t.Size))
	if err != nil {
		return wit.Value{}, err
	}
	bits, isNaN, canonical := uint64(0), false, uint64(nan64)
	if t.Kind == wit.KindF32 {
		n := binary.LittleEndian.Uint32(b)
		f := math.Float32frombits(n)
		bits, isNaN, canonical = uint64(n), f != f, nan32
	} else {
		bits = binary.LittleEndian.Uint64(b)
		isNaN = math.IsNaN(math.Float64frombits(bits))
	}
	if isNaN && bits != canonical {
		return wit.Value{}, fmt.Errorf("a NaN is %#x, and must be %#x", bits, canonical)
	}
	return wit.Scalar(t.Kind, bits), nil
}

func (d *decoder) text() (wit.Value, error) {
	n, err := d.uvarint()
	if err != nil {
		return wit.Value{}, err
	}
	b, err := d.take(n)
	if err != nil {
		return wit.Value{}, err
	}
	if !utf8.Valid(b) {
		return wit.Value{}, errors.New("a string is not UTF-8")
	}
	return wit.String(string(b)), nil
}

// list bounds what it allocates by the bytes that are there and by room.
func (d *decoder) list(t *wit.Type) (wit.Value, error) {
	n := uint64(t.Length)
	var err error
	if n == 0 {
		if n, err = d.uvarint(); err != nil {
			return wit.Value{}, err
		}
	}
	if t.Elem.Kind == wit.KindU8 {
		b, err := d.take(n)
		return wit.Bytes(b), err
	}
	if each := least(t.Elem); each > 0 && n > uint64(len(d.b))/each {
		return wit.Value{}, errShort
	}
	if n > uint64(max(d.room, 0)) {
		return wit.Value{}, fmt.Errorf("it holds more than %d values", MaxValues)
	}
	d.room -= int(n) // before they are allocated, lest nested lists each take all the room
	items := make([]wit.Value, n)
	for i := range items {
		d.room++
		if items[i], err = d.value(t.Elem); err != nil {
			return wit.Value{}, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return wit.List(items...), nil
}

func (d *decoder) fields(t *wit.Type) (wit.Value, error) {
	items := make([]wit.Value, len(t.Fields))
	var err error
	for i, f := range t.Fields {
		if items[i], err = d.value(f.Type); err != nil {
			return wit.Value{}, fmt.Errorf("field %s: %w", fieldName(f, i), err)
		}
	}
	if t.Kind == wit.KindTuple {
		return wit.Tuple(items...), nil
	}
	return wit.Record(items...), nil
}

func (d *decoder) oneOf(t *wit.Type) (wit.Value, error) {
	n, err := d.uvarint()
	if err != nil {
		return wit.Value{}, err
	}
	if n >= uint64(len(t.Cases)) {
		return wit.Value{}, fmt.Errorf("case %d of %d", n, len(t.Cases))
	}
	c := t.Cases[n]
	if c.Type == nil {
		return wit.CaseOf(t.Kind, uint32(n), nil), nil
	}
	payload, err := d.value(c.Type)
	if err != nil {
		return wit.Value{}, fmt.Errorf("case %s: %w", c.Name, err)
	}
	return wit.CaseOf(t.Kind, uint32(n), &payload), nil
}

func (d *decoder) flags(t *wit.Type) (wit.Value, error) {
	b, err := d.take(uint64(flagBytes(t)))
	if err != nil {
		return wit.Value{}, err
	}
	var bits uint64
	for i, octet := range b {
		bits |= uint64(octet) << (8 * i)
	}
	if bits>>len(t.Labels) != 0 {
		return wit.Value{}, fmt.Errorf("bits %#x for %d flags", bits, len(t.Labels))
	}
	return wit.Flags(uint32(bits)), nil
}

func (d *decoder) handle(t *wit.Type) (wit.Value, error) {
	id, err := d.uvarint()
	if err != nil {
		return wit.Value{}, err
	}
	if id == 0 {
		return wit.Value{}, errors.New("a handle has the id 0")
	}
	h, err := d.handles.Handle(t, id)
	if err != nil {
		return wit.Value{}, err
	}
	if t.Kind == wit.KindOwn {
		return wit.Own(h), nil
	}
	return wit.Borrow(h), nil
}
