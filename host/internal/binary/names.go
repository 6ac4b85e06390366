package binary

import (
	"fmt"
	"strings"
)

// nameKind is the form of an import's or export's name.
type nameKind uint8

const (
	labelName nameKind = iota
	constructorName
	methodName
	staticName
	interfaceName
	dependencyName
	urlName
	integrityName
)

// parsedName is a name taken apart, as far as validation needs it.
type parsedName struct {
	kind nameKind
	// resource and member are the parts of an annotated name:
	// "[method]resource.member", "[constructor]resource".
	resource, member string
	// version is what follows "@" in an interface name.
	version    string
	hasVersion bool
}

// parseName reads a name by the grammar of Explainer.md, "Import and Export
// Definitions".
func parseName(name string) (parsedName, error) {
	if rest, ok := strings.CutPrefix(name, "[constructor]"); ok {
		return parsedName{kind: constructorName, resource: rest}, checkKebab(rest)
	}
	if rest, ok := strings.CutPrefix(name, "[method]"); ok {
		return parseMember(methodName, rest)
	}
	if rest, ok := strings.CutPrefix(name, "[static]"); ok {
		return parseMember(staticName, rest)
	}
	if rest, ok := strings.CutPrefix(name, "unlocked-dep="); ok {
		return parsedName{kind: dependencyName}, checkUnlocked(rest)
	}
	if rest, ok := strings.CutPrefix(name, "locked-dep="); ok {
		return parsedName{kind: dependencyName}, checkLocked(rest)
	}
	if rest, ok := strings.CutPrefix(name, "url="); ok {
		return parsedName{kind: urlName}, checkURL(rest)
	}
	if strings.HasPrefix(name, "integrity=") {
		return parsedName{kind: integrityName}, checkIntegrity(name)
	}
	if strings.Contains(name, ":") {
		return parseInterface(name)
	}
	return parsedName{kind: labelName, resource: name}, checkKebab(name)
}

// unique is the key under which names that are not strongly unique collide, as
// in Explainer.md, "Name Uniqueness": case does not count, hyphens do.
func (p parsedName) unique(name string) string {
	switch p.kind {
	case labelName:
		return "l " + strings.ToLower(name)
	case constructorName:
		return "c " + strings.ToLower(p.resource)
	case methodName, staticName:
		r, m := strings.ToLower(p.resource), strings.ToLower(p.member)
		if r == m {
			return "l " + r
		}
		return "m " + r + "." + m
	case interfaceName:
		path, version, _ := strings.Cut(name, "@")
		return "n " + strings.ToLower(path) + "@" + version
	}
	return "n " + name
}

func parseMember(kind nameKind, rest string) (parsedName, error) {
	resource, member, ok := strings.Cut(rest, ".")
	if !ok {
		return parsedName{}, fmt.Errorf("failed to find `.` character in %s", quote(rest))
	}
	if err := checkKebab(resource); err != nil {
		return parsedName{}, err
	}
	return parsedName{kind: kind, resource: resource, member: member}, checkKebab(member)
}

func parseInterface(name string) (parsedName, error) {
	path, version, has := strings.Cut(name, "@")
	p := parsedName{kind: interfaceName, version: version, hasVersion: has}
	pkg, iface, ok := strings.Cut(path, "/")
	if !ok {
		return p, fmt.Errorf("expected `/` after package name in %s", quote(name))
	}
	if err := checkPackage(pkg); err != nil {
		return p, err
	}
	return p, checkKebab(iface)
}

// checkPackage checks "namespace:package".
func checkPackage(pkg string) error {
	namespace, name, ok := strings.Cut(pkg, ":")
	if !ok {
		return fmt.Errorf("expected `:` in package name %s", quote(pkg))
	}
	for _, part := range []string{namespace, name} {
		if err := checkKebab(part); err != nil {
			return err
		}
		if strings.ToLower(part) != part {
			return fmt.Errorf("character in %s is not lowercase in package name/namespace", quote(part))
		}
	}
	return nil
}

// checkKebab checks a label: words of one case joined by "-". The first word
// starts with a letter.
func checkKebab(s string) error {
	for i, word := range strings.Split(s, "-") {
		if !kebabWord(word, i == 0) {
			return fmt.Errorf("%s is not in kebab case", quote(s))
		}
	}
	return nil
}

func kebabWord(word string, first bool) bool {
	lower, upper := false, false
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		case c < '0' || c > '9' || first && i == 0:
			return false
		}
	}
	return word != "" && !(lower && upper)
}

// angled takes "<…>" apart: what is inside, and what follows.
func angled(s string) (inside, after string, err error) {
	if !strings.HasPrefix(s, "<") {
		return "", "", fmt.Errorf("expected `<` at %s", quote(s))
	}
	inside, after, ok := strings.Cut(s[1:], ">")
	if !ok {
		return "", "", fmt.Errorf("failed to find `>` character in %s", quote(s))
	}
	return inside, after, nil
}

func noTrailing(rest string) error {
	if rest != "" {
		return fmt.Errorf("trailing characters found: %s", quote(rest))
	}
	return nil
}

func checkUnlocked(s string) error {
	inside, after, err := angledQuery(s)
	if err != nil {
		return err
	}
	path, version, has := strings.Cut(inside, "@")
	if err := checkPackagePath(path); err != nil {
		return err
	}
	if has && version != "*" {
		if err := checkVersionRange(version); err != nil {
			return err
		}
	}
	return noTrailing(after)
}

// angledQuery is angled for a version range, which may contain ">=".
func angledQuery(s string) (inside, after string, err error) {
	if i := strings.LastIndexByte(s, '>'); strings.HasPrefix(s, "<") && i > 0 {
		return s[1:i], s[i+1:], nil
	}
	return angled(s)
}

// checkVersionRange checks "{>=1.2.3 <2.0.0}" and its halves.
func checkVersionRange(s string) error {
	rng, ok := strings.CutPrefix(s, "{")
	if ok {
		rng, ok = strings.CutSuffix(rng, "}")
	}
	if !ok {
		return fmt.Errorf("expected a version range in braces, not %s", quote(s))
	}
	if lower, ok := strings.CutPrefix(rng, ">="); ok {
		lower, upper, both := strings.Cut(lower, " ")
		if err := checkSemver(lower); err != nil || !both {
			return err
		}
		rng = upper
	}
	upper, ok := strings.CutPrefix(rng, "<")
	if !ok {
		return fmt.Errorf("expected `>=` or `<` at start of version range %s", quote(s))
	}
	return checkSemver(upper)
}

func checkLocked(s string) error {
	inside, after, err := angled(s)
	if err != nil {
		return err
	}
	path, version, has := strings.Cut(inside, "@")
	if err := checkPackagePath(path); err != nil {
		return err
	}
	if has {
		if err := checkSemver(version); err != nil {
			return err
		}
	}
	return checkOptionalHash(after)
}

// checkPackagePath checks "namespace:package" with an optional "/interface".
func checkPackagePath(s string) error {
	pkg, projection, has := strings.Cut(s, "/")
	if err := checkPackage(pkg); err != nil || !has {
		return err
	}
	return checkKebab(projection)
}

func checkURL(s string) error {
	inside, after, err := angled(s)
	if err != nil {
		return err
	}
	if strings.Contains(inside, "<") {
		return fmt.Errorf("url cannot contain `<`")
	}
	return checkOptionalHash(after)
}

func checkOptionalHash(s string) error {
	if s == "" {
		return nil
	}
	rest, ok := strings.CutPrefix(s, ",")
	if !ok {
		return noTrailing(s)
	}
	return checkIntegrity(rest)
}

// checkIntegrity checks "integrity=<…>": subresource integrity metadata.
func checkIntegrity(s string) error {
	rest, ok := strings.CutPrefix(s, "integrity=")
	if !ok {
		return fmt.Errorf("expected `integrity=` at %s", quote(s))
	}
	inside, after, err := angled(rest)
	if err != nil {
		return err
	}
	hashes := strings.Fields(inside)
	if len(hashes) == 0 {
		return fmt.Errorf("integrity hash cannot be empty")
	}
	for _, h := range hashes {
		if err := checkHash(h); err != nil {
			return err
		}
	}
	return noTrailing(after)
}

func checkHash(h string) error {
	algorithm, digest, ok := strings.Cut(h, "-")
	switch algorithm {
	case "sha256", "sha384", "sha512":
	default:
		return fmt.Errorf("unrecognized hash algorithm: %s", quote(h))
	}
	if !ok {
		return fmt.Errorf("expected `-` after hash algorithm: %s", quote(h))
	}
	digest, _, _ = strings.Cut(digest, "?")
	body := strings.TrimRight(digest, "=")
	for _, c := range []byte(body) {
		if !alphanumeric(c) && c != '+' && c != '/' {
			return fmt.Errorf("not valid base64: %s", quote(digest))
		}
	}
	if body == "" || len(digest)-len(body) > 2 {
		return fmt.Errorf("not valid base64: %s", quote(digest))
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
