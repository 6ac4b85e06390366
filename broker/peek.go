package broker

// Peek says, without recording anything, whether a grant and whether a denial match a call. It is for choosing between
// several names of one thing, such as an address and the names that it was found under: what is then done needs Decide.
func (s *Subject) Peek(call Call) (granted, denied bool) {
	if len(call.Resource) > MaxResource {
		return false, true
	}
	index := s.broker.state.Load().index(s.number, call.Capability, call.Operation)
	v := visit{bytes: call.Bytes, clock: s.broker.config.Now}
	if index.deny != nil {
		denied = index.deny.find(call.Resource, &v)
	}
	for _, m := range index.grants() {
		granted = granted || m != nil && (m.find(call.Resource, &v) || v.count > 0)
	}
	return granted, denied
}
