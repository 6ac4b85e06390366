package binary

import (
	"fmt"
	"strconv"
	"strings"
)

// checkSemver checks a version by semver.org's grammar.
func checkSemver(s string) error {
	core, build, hasBuild := strings.Cut(s, "+")
	core, pre, hasPre := strings.Cut(core, "-")
	numbers := strings.Split(core, ".")
	ok := len(numbers) == 3
	for _, n := range numbers {
		ok = ok && versionNumber(n)
	}
	if hasPre {
		ok = ok && identifiers(pre, true)
	}
	if hasBuild {
		ok = ok && identifiers(build, false)
	}
	if !ok {
		return fmt.Errorf("%s is not a valid semver", quote(s))
	}
	return nil
}

func versionNumber(s string) bool {
	if !digits(s) || len(s) > 1 && s[0] == '0' {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// identifiers checks dot-separated identifiers; strict forbids leading zeros.
func identifiers(s string, strict bool) bool {
	for _, id := range strings.Split(s, ".") {
		if id == "" || strict && digits(id) && len(id) > 1 && id[0] == '0' {
			return false
		}
		for i := 0; i < len(id); i++ {
			if !alphanumeric(id[i]) && id[i] != '-' {
				return false
			}
		}
	}
	return true
}

// canonicalVersion says whether s is what versions that are compatible with
// each other share: "1", "0.2", "0.0.3".
func canonicalVersion(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return false
	}
	for i, p := range parts {
		last := i == len(parts)-1
		if !versionNumber(p) || !last && p != "0" || last && p == "0" && i < 2 {
			return false
		}
	}
	return true
}
