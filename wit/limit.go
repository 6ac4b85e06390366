package wit

// LimitError is why a call failed that would have taken more than its instance
// may have.
type LimitError struct {
	Limit string // its name, as configuration spells it: "handles"
	Err   error  // what happened
}

// Error says what happened.
func (l *LimitError) Error() string { return l.Err.Error() }

// Unwrap returns what happened.
func (l *LimitError) Unwrap() error { return l.Err }
