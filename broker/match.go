package broker

// Matches reports whether a canonical resource is one of those that a pattern names.
func Matches(pattern, resource string) (bool, error) {
	canonical, err := CanonicalPattern(pattern)
	if err != nil {
		return false, err
	}
	return len(resource) <= MaxResource && compilePattern(canonical).match(resource), nil
}
