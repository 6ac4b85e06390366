package writ

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/writ-host/writ/broker"
)

// CheckPolicy loads the app's policy as a host does, and says what came of it.
func (a *App) CheckPolicy(ctx context.Context, w io.Writer) error {
	audited, err := a.Audit(ctx)
	if err != nil {
		return err
	}
	if _, err := a.policyFiles().Tests(); err != nil {
		return err
	}
	fmt.Fprintf(w, "policy %s\n", audited.Policy.Revision)
	for _, f := range audited.Policy.Files {
		fmt.Fprintf(w, "  %s\n", f)
	}
	for _, c := range audited.Components {
		fmt.Fprintf(w, "%s: %d grants, %d denials\n", c.Name, len(c.Grants), len(c.Denials))
	}
	return nil
}

// TestPolicy runs the tests of the app's policies, and says of each what came
// of it. passed is false when one failed, or when there is none.
func (a *App) TestPolicy(ctx context.Context, w io.Writer) (passed bool, covered []broker.FileCoverage, err error) {
	source, err := a.policySource()
	if err != nil {
		return false, nil, err
	}
	tests, err := a.policyFiles().Tests()
	if err != nil {
		return false, nil, err
	}
	results, covered, err := source.Test(ctx, tests)
	if err != nil {
		return false, nil, err
	}
	failed := 0
	for _, r := range results {
		verdict := "ok    "
		if !r.Passed {
			verdict = "FAILED"
			failed++
		}
		fmt.Fprintf(w, "%s  %s  (%s)\n", verdict, r.Name, r.Origin)
		if r.Err != nil {
			fmt.Fprintf(w, "        %v\n", r.Err)
		}
	}
	fmt.Fprintf(w, "%d passed, %d failed\n", len(results)-failed, failed)
	return failed == 0 && len(results) > 0, covered, nil
}

// WriteCoverage says which lines the tests did not go through. total is the
// share in percent of the files, each counting the same.
func WriteCoverage(w io.Writer, covered []broker.FileCoverage) (total float64) {
	for _, f := range covered {
		total += f.Percent / float64(len(covered))
		fmt.Fprintf(w, "%5.1f%%  %s", f.Percent, f.File)
		if len(f.Missed) > 0 {
			fmt.Fprintf(w, "  not %s", lineRanges(f.Missed))
		}
		fmt.Fprintln(w)
	}
	return total
}

// lineRanges writes lines in order as ranges: "3-5, 9".
func lineRanges(lines []int) string {
	slices.Sort(lines)
	lines = slices.Compact(lines)
	var parts []string
	for i := 0; i < len(lines); {
		j := i
		for j+1 < len(lines) && lines[j+1] == lines[j]+1 {
			j++
		}
		part := fmt.Sprint(lines[i])
		if j > i {
			part += fmt.Sprintf("-%d", lines[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// EvalPolicy answers a term of Rego under the app's policy, such as
// data.writ.grants. A nil input is the one of the component.
func (a *App) EvalPolicy(ctx context.Context, component, query string, input any) (value any, defined bool, err error) {
	source, err := a.policySource()
	if err != nil {
		return nil, false, err
	}
	if input == nil {
		subject := a.subject()
		at := slices.IndexFunc(subject.Components, func(c broker.Component) bool { return c.Name == component })
		if component == "" && len(subject.Components) == 1 {
			at = 0
		}
		if at < 0 {
			return nil, false, fmt.Errorf("name a component of the app: it has no %q", component)
		}
		if input, err = broker.PolicyInput(subject.Name, subject.Components[at]); err != nil {
			return nil, false, err
		}
	}
	return source.Eval(ctx, query, input)
}
