package host

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/writ-host/writ/host/internal/binary"
	"github.com/writ-host/writ/host/internal/wasmtime"
)

// Refused is the error of a component that this host's own validation accepts,
// and the validation of wasmtime's component runtime does not.
type Refused struct {
	Reason string // wasmtime's
}

func (r *Refused) Error() string {
	return "wasmtime's own component runtime refuses the component: " + r.Reason
}

// Check asks wasmtime's own component runtime about a component and returns why
// it refuses it, "" when it does not. It is what a [Compiler] in another process
// calls: it uses no [Engine], and a fault of the library ends the process.
func Check(component []byte) (refusal string) {
	if err := wasmtime.CheckComponent(component); err != nil {
		return err.Error()
	}
	return ""
}

// accepted is what the cache holds of a component that was admitted.
const accepted = "admitted"

// admit has wasmtime's component runtime say whether it accepts the component
// too. The answer is kept in the cache; only what it accepts is.
func (c *compilation) admit(component []byte, digest string) error {
	id := "component " + digest + " " + c.engine.core.Fingerprint()
	kept, err := c.engine.cached(id)
	if err == nil && string(kept) == accepted {
		return nil
	}
	c.start(err)
	skeleton := binary.MakeSkeleton(component)
	refusal, err := c.engine.check(c.ctx, skeleton.Bytes)
	if err != nil {
		return fmt.Errorf("validate the component a second time: %w", err)
	}
	if refusal != "" && !tolerated(refusal) {
		return &Refused{inOriginal(skeleton, refusal)}
	}
	if c.engine.cache == nil {
		return nil
	}
	return c.engine.cache.Store(id, []byte(accepted))
}

var place = regexp.MustCompile(`at offset 0x([0-9a-f]+)`)

// inOriginal makes a refusal of the skeleton one of what it was made of.
func inOriginal(s *binary.Skeleton, refusal string) string {
	return place.ReplaceAllStringFunc(refusal, func(at string) string {
		offset, err := strconv.ParseInt(place.FindStringSubmatch(at)[1], 16, 32)
		if err != nil {
			return at
		}
		return fmt.Sprintf("at offset %#x", s.Original(int(offset)))
	})
}

func (e *Engine) check(ctx context.Context, component []byte) (refusal string, err error) {
	if e.config.Compiler != nil {
		return e.config.Compiler.Check(ctx, component)
	}
	return Check(component), nil
}

// tolerated says whether a refusal is one of the deliberate differences that
// docs/conformance.md lists. The component has passed this host's own validation.
func tolerated(refusal string) bool { return differences.MatchString(refusal) }

// differences are what wasmtime 39 says to components that are valid: it is older
// than what the specification says today, and there are things that it cannot
// run. Names in its words are of valid components, so they cannot fake others.
var differences = regexp.MustCompile("^(failed to parse WebAssembly module: )?(" + strings.Join([]string{
	"[a-z ]+ name `[^ `]+` is not (in kebab case|a valid extern name: `[^ `]+` is not in kebab case)",
	`invalid leading byte \(0x[0-9a-f]+\) for (import name|export name|component defined type)`,
	"Fixed size lists require the component model fixed size list feature",
	"[a-z ]*`[^ `]+` requires the component model [a-z -]+ feature", // which nothing uses, or this host would refuse it
	"exporting a component from the root component is not supported",
	"root-level component imports are not supported",
	"unsupported type export",
}, "|") + `)( \(at offset 0x[0-9a-f]+\))?$`)
