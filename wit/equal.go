package wit

import "slices"

// EqualFunc reports whether two functions have the same type: parameters with
// the same names and equal types, and equal results. Component Model,
// Explainer, "Type Checking".
func EqualFunc(a, b *Func) bool {
	return a.Async == b.Async && Equal(a.Result, b.Result) &&
		slices.EqualFunc(a.Params, b.Params, func(p, q Param) bool {
			return p.Name == q.Name && Equal(p.Type, q.Type)
		})
}

// Equal reports whether two types are equal in structure. The names of types do
// not count, those of fields, cases and labels do; resources are equal when
// they are the same. A nil Type equals nil only.
func Equal(a, b *Type) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Kind != b.Kind || a.Length != b.Length || a.Map != b.Map || a.Resource != b.Resource {
		return false
	}
	if a.Kind == KindOption {
		return Equal(a.Elem, b.Elem)
	}
	return slices.Equal(a.Labels, b.Labels) && Equal(a.Elem, b.Elem) &&
		slices.EqualFunc(a.Fields, b.Fields, func(f, g Field) bool {
			return f.Name == g.Name && Equal(f.Type, g.Type)
		}) &&
		slices.EqualFunc(a.Cases, b.Cases, func(c, d Case) bool {
			return c.Name == d.Name && Equal(c.Type, d.Type)
		})
}
