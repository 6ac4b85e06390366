package broker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// answers is what a policy answered: a set or a list.
type answers struct {
	len     int
	foreach func(func(*ast.Term))
	has     func(*ast.Term) bool
}

func answersOf(v ast.Value) (answers, error) {
	switch v := v.(type) {
	case nil: // undefined: nothing was granted
		return answers{foreach: func(func(*ast.Term)) {}, has: func(*ast.Term) bool { return false }}, nil
	case ast.Set:
		return answers{v.Len(), v.Foreach, v.Contains}, nil
	case *ast.Array:
		return answers{v.Len(), v.Foreach, func(*ast.Term) bool { return false }}, nil
	}
	return answers{}, fmt.Errorf("the answer is %s and not a set", ast.ValueName(v))
}

// question is what a policy is asked: about one component, at one time.
type question struct {
	policy         *policy
	ctx            context.Context
	app, component string
	input          *ast.Term
	now            time.Time
}

func (q *question) ask(body ast.Body) (answers, error) {
	value, err := q.policy.evaluate(q.ctx, body, q.input, q.now)
	if err != nil {
		return answers{}, err
	}
	return answersOf(value)
}

// grants asks what is granted. All is checked as strictly as in grants.json.
func (q *question) grants() ([]*Grant, error) {
	a, err := q.ask(q.policy.grants.body)
	if err != nil {
		return nil, err
	}
	var grants []*Grant
	passed := ast.NewSet()
	for term, g := range q.policy.known {
		if a.has(term) {
			if err := addressed(g.ID, g.App, g.Component, q.app, q.component); err != nil {
				return nil, err
			}
			grants = append(grants, g)
			passed.Add(term)
		}
	}
	if len(grants) < a.len {
		more, err := q.ownGrants(a, passed)
		if err != nil {
			return nil, err
		}
		grants = append(grants, more...)
	}
	slices.SortFunc(grants, func(a, b *Grant) int {
		return cmp.Or(cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.ID, b.ID))
	})
	return grants, distinct(grants)
}

// ownGrants reads the grants that are the policy's own.
func (q *question) ownGrants(a answers, passed ast.Set) ([]*Grant, error) {
	var grants []*Grant
	err := q.own(&q.policy.grants, a, passed, func(d *decoder) error {
		tree, err := d.parse()
		if err != nil {
			return err
		}
		g, err := d.grant(tree)
		if err != nil {
			return err
		}
		grants = append(grants, g)
		return addressed(g.ID, g.App, g.Component, q.app, q.component)
	})
	return grants, err
}

// denials asks what is denied. A denial of the file keeps its line.
func (q *question) denials() ([]*Denial, error) {
	a, err := q.ask(q.policy.denials.body)
	if err != nil {
		return nil, err
	}
	var denials []*Denial
	err = q.own(&q.policy.denials, a, ast.NewSet(), func(d *decoder) error {
		tree, err := d.parse()
		if err != nil {
			return err
		}
		n, err := d.denial(tree)
		if err != nil {
			return err
		}
		if q.policy.file != nil {
			for _, f := range q.policy.file.Denials {
				if f.ID == n.ID && f.pattern.text == n.pattern.text {
					n.Origin = f.Origin
				}
			}
		}
		denials = append(denials, n)
		return nil
	})
	slices.SortFunc(denials, func(a, b *Denial) int {
		return cmp.Or(cmp.Compare(a.Origin.File, b.Origin.File), cmp.Compare(a.Origin.Line, b.Origin.Line), cmp.Compare(a.ID, b.ID))
	})
	return denials, err
}

// own reads each answer but those that passed, with the rule that gave it.
func (q *question) own(set *ruleSet, a answers, passed ast.Set, read func(*decoder) error) error {
	var terms []*ast.Term
	a.foreach(func(t *ast.Term) {
		if !passed.Contains(t) {
			terms = append(terms, t)
		}
	})
	origins, err := q.origins(set, terms)
	if err != nil {
		return err
	}
	for i, t := range terms {
		d, err := q.decoderOf(t, origins[i])
		if err != nil {
			return err
		}
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

// origins finds the rule that gave each answer. Rules that pass on what is in grants.json are asked last, as their answers
// are many and have a line already.
func (q *question) origins(set *ruleSet, terms []*ast.Term) ([]Origin, error) {
	origins := make([]Origin, len(terms))
	left := len(terms)
	for _, s := range set.singles {
		if left == 0 {
			break
		}
		a, err := q.ask(s.body)
		if err != nil {
			return nil, err
		}
		for i, t := range terms {
			if origins[i] == (Origin{}) && a.has(t) {
				origins[i] = s.origin
				left--
			}
		}
	}
	for i := range origins {
		if origins[i] == (Origin{}) {
			origins[i] = set.source
		}
	}
	return origins, nil
}

// decoderOf prepares to read one answer. An answer that does not say whom it is for is for the one that was asked about.
func (q *question) decoderOf(t *ast.Term, origin Origin) (*decoder, error) {
	value, err := ast.JSON(t.Value)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", origin, err)
	}
	if o, ok := value.(map[string]any); ok {
		if _, ok := o["app"]; !ok {
			o["app"] = q.app
		}
		if _, ok := o["component"]; !ok {
			o["component"] = q.component
		}
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", origin, err)
	}
	return &decoder{name: origin.File, data: data, fixed: &origin}, nil
}

// addressed refuses a grant that says that it is for someone else: a mistake in a policy must not widen anything.
func addressed(id, grantApp, grantComponent, app, component string) error {
	if grantApp != app || grantComponent != component && grantComponent != Any {
		return fmt.Errorf("grant %q is for %s/%s and was given to %s/%s", id, grantApp, grantComponent, app, component)
	}
	return nil
}

func distinct(grants []*Grant) error {
	seen := make(map[string]bool, len(grants))
	for _, g := range grants {
		if seen[g.ID] {
			return fmt.Errorf("two grants have the id %q", g.ID)
		}
		seen[g.ID] = true
	}
	return nil
}
