package broker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/version"
)

// Digest identifies what decisions derive from, apart from the apps: the modules, the data, the policy and library that come
// with writ, and the engine that evaluates them. Where the files are and what they are called makes no difference. It is
// "sha256:" and hexadecimal digits.
func (s Source) Digest() string {
	var parts []string
	for _, text := range s.Modules {
		parts = append(parts, partDigest("module", []byte(text)))
	}
	if texts, err := embeddedModules(true); err == nil { // they are part of the program: reading them does not fail
		for _, text := range texts {
			parts = append(parts, partDigest("embedded", []byte(text)))
		}
	}
	if s.Grants != nil {
		parts = append(parts, partDigest("grants", s.Grants.data))
	}
	if len(s.Data) > 0 {
		data, _ := json.Marshal(s.Data) // it came from JSON; keys are in order
		parts = append(parts, partDigest("data", data))
	}
	parts = append(parts, partDigest("engine", []byte(version.Version)))
	slices.Sort(parts)
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintln(h, p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func partDigest(kind string, data []byte) string {
	return fmt.Sprintf("%s %x", kind, sha256.Sum256(data))
}
