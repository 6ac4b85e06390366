package canon

import (
	"fmt"

	"github.com/writ-host/writ/wit"
)

var kindNames = [...]string{
	"no value", "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
	"list", "record", "tuple", "variant", "enum", "option", "result", "flags", "own", "borrow",
	"stream", "future", "error-context",
}

func kindName(k wit.Kind) string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// fieldName is how messages call a field of a record or a member of a tuple.
func fieldName(t *wit.Type, i int) string {
	if name := t.Fields[i].Name; name != "" {
		return fmt.Sprintf("field %q", name)
	}
	return fmt.Sprintf("member %d", i)
}

func resourceName(r *wit.Resource) string {
	if r == nil {
		return "no resource"
	}
	if r.Name == "" {
		return "an unnamed resource"
	}
	return r.Name
}
