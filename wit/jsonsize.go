package wit

// JSONFits reports whether the JSON of a value may have at most so many bytes:
// each item, and each byte of text and names, takes one at least. It is for
// values from outside, to be asked before [JSONValue], which makes fifty bytes of
// a guest's one.
func JSONFits(t *Type, v Value, most int) bool {
	s := jsonSize{left: most}
	s.add(t, v)
	return s.left >= 0
}

// jsonSize counts down what is left.
type jsonSize struct{ left int }

func (s *jsonSize) add(t *Type, v Value) {
	s.left -= v.Len()
	switch t.Kind {
	case KindList:
		for _, item := range v.Items() {
			if s.left < 0 {
				return
			}
			s.add(t.Elem, item)
		}
	case KindRecord, KindTuple:
		for i, item := range v.Items() {
			if s.left < 0 {
				return
			}
			s.left -= len(t.Fields[i].Name)
			s.add(t.Fields[i].Type, item)
		}
	case KindFlags:
		for i, label := range t.Labels {
			if v.Uint()&(1<<i) != 0 {
				s.left -= len(label)
			}
		}
	case KindVariant, KindEnum, KindOption, KindResult:
		s.addCase(t, v)
	}
}

func (s *jsonSize) addCase(t *Type, v Value) {
	c := t.Cases[v.Case()]
	s.left -= len(c.Name)
	if payload, ok := v.Payload(); ok && c.Type != nil {
		s.add(c.Type, payload)
	}
}
