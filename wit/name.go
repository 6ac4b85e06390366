package wit

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"
)

// Name is the name of an import or export: either an interface name such as
// wasi:io/streams@0.2.3 or a plain kebab-case name, which has only Interface.
type Name struct {
	Namespace string
	Package   string
	Interface string
	Version   string // semantic version without a leading v, or ""
}

// ParseName reads a name as components spell it.
func ParseName(s string) (Name, error) {
	path, version, hasVersion := strings.Cut(s, "@")
	if hasVersion && !semver.IsValid("v"+version) {
		return Name{}, fmt.Errorf("parse name %q: %q is not a semantic version", s, version)
	}
	ns, rest, qualified := strings.Cut(path, ":")
	if !qualified {
		if path == "" || hasVersion || strings.Contains(path, "/") {
			return Name{}, fmt.Errorf("parse name %q: want name or namespace:package/interface@version", s)
		}
		return Name{Interface: path}, nil
	}
	pkg, iface, ok := strings.Cut(rest, "/")
	if !ok || ns == "" || pkg == "" || iface == "" {
		return Name{}, fmt.Errorf("parse name %q: want namespace:package/interface@version", s)
	}
	return Name{Namespace: ns, Package: pkg, Interface: iface, Version: version}, nil
}

// MustParseName is ParseName for names known when the program is written.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// String spells the name as components do.
func (n Name) String() string {
	if n.Version == "" {
		return n.Unversioned()
	}
	return n.Unversioned() + "@" + n.Version
}

// Unversioned is the name without its version.
func (n Name) Unversioned() string {
	if n.Namespace == "" {
		return n.Interface
	}
	return n.Namespace + ":" + n.Package + "/" + n.Interface
}

// Compatible reports whether an import of n may be satisfied by have: the same
// interface, and versions that semantic versioning calls compatible (the same
// major; before 1.0.0 the same minor; before 0.1.0 or with a pre-release the
// same version). Component Model, Explainer, "Import and Export Names",
// canonical interface names.
func (n Name) Compatible(have Name) bool {
	return n.Unversioned() == have.Unversioned() && track(n.Version) == track(have.Version)
}

// track is the part of a version that compatible versions share.
func track(version string) string {
	v := "v" + version
	switch {
	case version == "" || semver.Prerelease(v) != "":
		return strings.SplitN(version, "+", 2)[0]
	case semver.Major(v) != "v0":
		return semver.Major(v)
	case semver.MajorMinor(v) != "v0.0":
		return semver.MajorMinor(v)
	default:
		return semver.Canonical(v)
	}
}
