package conformance

import (
	"math"

	"github.com/writ-host/writ/wit"
)

// same compares values of one type. All NaNs are the same: the component model
// lets a host choose their bits.
func same(a, b wit.Value) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case wit.KindString:
		return a.Text() == b.Text()
	case wit.KindList:
		return sameList(a, b)
	case wit.KindRecord, wit.KindTuple:
		return sameItems(a.Items(), b.Items())
	case wit.KindVariant, wit.KindEnum, wit.KindOption, wit.KindResult:
		p, some := a.Payload()
		q, too := b.Payload()
		return a.Case() == b.Case() && some == too && (!some || same(p, q))
	case wit.KindOwn, wit.KindBorrow:
		return a.Handle() == b.Handle()
	case wit.KindF32:
		return a.Bits() == b.Bits() || math.IsNaN(float64(a.F32())) && math.IsNaN(float64(b.F32()))
	case wit.KindF64:
		return a.Bits() == b.Bits() || math.IsNaN(a.F64()) && math.IsNaN(b.F64())
	}
	return a.Bits() == b.Bits()
}

// sameList compares lists of one length, either of which may be packed.
func sameList(a, b wit.Value) bool {
	_, packed := a.Packed()
	_, too := b.Packed()
	if packed || too {
		return string(a.Bytes()) == string(b.Bytes())
	}
	return sameItems(a.Items(), b.Items())
}

func sameItems(a, b []wit.Value) bool {
	for i := range a {
		if !same(a[i], b[i]) {
			return false
		}
	}
	return true
}

// show is a value as text, for messages.
func show(t *wit.Type, v wit.Value) string {
	text, err := wit.FormatValue(t, v)
	if err != nil {
		return err.Error()
	}
	return text
}
