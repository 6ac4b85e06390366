package binary

// Limits of the canonical ABI ("Flattening"): how many core values pass
// directly.
const (
	maxFlatParams      = 16
	maxFlatAsyncParams = 4
	maxFlatResults     = 1
)

// flattened is a value type as core values; over says that there are more than
// maxFlatParams, and then types is empty.
type flattened struct {
	types []CoreValType
	over  bool
}

// push appends, and forgets everything once there are too many.
func (f *flattened) push(types ...CoreValType) {
	if f.over || len(f.types)+len(types) > maxFlatParams {
		f.types, f.over = nil, true
		return
	}
	f.types = append(f.types, types...)
}

func (f *flattened) add(g flattened) {
	if g.over {
		f.types, f.over = nil, true
		return
	}
	f.push(g.types...)
}

func flattenPrim(p Prim) flattened {
	switch p {
	case S64, U64:
		return flattened{types: []CoreValType{I64}}
	case F32:
		return flattened{types: []CoreValType{CoreF32}}
	case F64:
		return flattened{types: []CoreValType{CoreF64}}
	case String:
		return flattened{types: []CoreValType{I32, I32}}
	}
	return flattened{types: []CoreValType{I32}}
}

// flatten computes d.flat and d.pointers from the parts, which have theirs.
func (d *defined) flatten() {
	for _, e := range d.elems {
		d.pointers = d.pointers || e != nil && e.pointers
	}
	switch d.kind {
	case recordKind, tupleKind:
		for _, e := range d.elems {
			d.flat.add(e.flat)
		}
	case variantKind, optionKind, resultKind:
		d.flattenCases()
	case fixedListKind:
		for i := uint32(0); i < d.len && !d.flat.over; i++ {
			d.flat.add(d.elems[0].flat)
		}
	case listKind, mapKind:
		d.pointers = true
		d.flat.push(I32, I32)
	case streamKind, futureKind:
		d.pointers = false
		d.flat.push(I32)
	default:
		d.flat.push(I32)
	}
}

func (d *defined) flattenCases() {
	var joined []CoreValType
	for _, e := range d.elems {
		if e == nil {
			continue
		}
		if e.flat.over {
			d.flat = flattened{over: true}
			return
		}
		for i, t := range e.flat.types {
			if i == len(joined) {
				joined = append(joined, t)
			} else {
				joined[i] = joinCore(joined[i], t)
			}
		}
	}
	d.flat.push(I32)
	d.flat.push(joined...)
}

// joinCore is the core type that can carry either.
func joinCore(a, b CoreValType) CoreValType {
	switch {
	case a == b:
		return a
	case a == I32 && b == CoreF32, a == CoreF32 && b == I32:
		return I32
	}
	return I64
}

// signature is a core function type of so many i32s.
func signature(params, results int) *CoreFuncType {
	i32s := [...]CoreValType{I32, I32, I32, I32}
	return &CoreFuncType{Params: i32s[:params:params], Results: i32s[:results:results]}
}
