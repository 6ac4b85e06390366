package kit

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/writ-host/writ/capabilities/kv/backend"
	"github.com/writ-host/writ/capabilities/provider"
)

// Status is how a rule went.
type Status string

// The ways a rule can go.
const (
	Passed  Status = "pass"
	Failed  Status = "FAIL"
	Skipped Status = "skip" // it is about something that the provider does not have
)

// Result is one rule with how it went.
type Result struct {
	Group   string        `json:"group"`
	Rule    string        `json:"rule"`
	Status  Status        `json:"status"`
	Detail  string        `json:"detail,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Config is the provider to test: how it is launched, with a DataDir of its own
// for each rule below the one given, or a temporary one.
type Config struct {
	Provider provider.Config
	// Only are the rules to check, by name; nil is all.
	Only []string
	// RuleTime bounds each rule; 0 is 30 s.
	RuleTime time.Duration
	// Each is told of every result as it comes; nil is nobody.
	Each func(Result)
}

// ruleTime bounds one rule, unless the configuration says otherwise.
const ruleTime = 30 * time.Second

// rule is one thing that has to hold.
type rule struct {
	group, name string
	service     string // that it is about, or "" for every provider
	check       func(*bench) error
	alone       bool // it ends the process, or needs an empty store
}

// skip is the error of a rule that does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// bench is what a rule works with.
type bench struct {
	ctx    context.Context
	config provider.Config
	p      *provider.Provider
	info   provider.Info
	at     backend.Caller // who the kit is, and its store: a provider's state may outlive its process and its directory
	used   bool           // a rule ran
	scope  uint64         // the number below that of the rule's first component instance

	upstream *upstream // of providers of http
}

// left is how much time the rule still has, as callers tell it, in microseconds.
func (b *bench) left() uint64 {
	end, _ := b.ctx.Deadline() // every rule has one
	return uint64(max(1, time.Until(end).Microseconds()))
}

// Run checks all rules about what the provider offers, with a fresh process where one needs it. An error is that the provider
// cannot be launched at all.
func Run(ctx context.Context, c Config) ([]Result, error) {
	root, err := os.MkdirTemp("", "writ-kit-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	r := &runner{config: c, root: root}
	defer r.discard()
	if r.shared, err = r.launch(ctx); err != nil {
		return nil, err
	}
	info := r.shared.info
	if info.Offers("HTTP") {
		if err := r.startUpstream(); err != nil {
			return nil, err
		}
		defer r.upstream.close()
	}
	var results []Result
	for _, rule := range rules() {
		if rule.service != "" && !info.Offers(rule.service) || c.Only != nil && !slices.Contains(c.Only, rule.name) {
			continue
		}
		one := r.run(ctx, rule)
		results = append(results, one)
		if c.Each != nil {
			c.Each(one)
		}
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
	}
	return results, nil
}

type runner struct {
	config Config
	root   string
	n      int
	shared *bench // of the rules that do not need a process of their own

	upstream *upstream
}

// startUpstream starts the servers that a provider of http is to reach, and
// lets the processes from now on connect to them.
func (r *runner) startUpstream() (err error) {
	if r.upstream, err = startUpstream(); err != nil {
		return fmt.Errorf("start the kit's own servers: %w", err)
	}
	r.discard()
	if n := &r.config.Provider.Network; !n.Connect || len(n.Ports) > 0 {
		n.Connect, n.Ports = true, append(slices.Clone(n.Ports), r.upstream.ports()...)
	}
	return nil
}

// fresh is the configuration for one more process, with empty state.
func (r *runner) fresh() (provider.Config, error) {
	c := r.config.Provider
	r.n++
	c.DataDir = fmt.Sprintf("%s/%d", r.root, r.n)
	c.CallTimeout, c.HealthEvery = 10*time.Second, time.Hour
	return c, os.Mkdir(c.DataDir, 0o700)
}

func (r *runner) run(ctx context.Context, rule rule) Result {
	began := time.Now()
	out := Result{Group: rule.group, Rule: rule.name, Status: Passed}
	err := r.check(ctx, rule)
	out.Elapsed = time.Since(began)
	if s, ok := err.(skip); ok {
		out.Status, out.Detail = Skipped, string(s)
	} else if err != nil {
		out.Status, out.Detail = Failed, err.Error()
	}
	return out
}

// check runs a rule. The process of one that failed is not used again.
func (r *runner) check(ctx context.Context, rule rule) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.config.RuleTime, ruleTime))
	defer cancel()
	if r.shared == nil || rule.alone && r.shared.used {
		r.discard()
		b, err := r.launch(ctx)
		if err != nil {
			return err
		}
		r.shared = b
	}
	b := r.shared
	b.ctx, b.scope, b.used = ctx, b.scope+1000, true
	err := rule.check(b)
	if rule.alone || err != nil {
		r.discard()
	}
	return err
}

func (r *runner) launch(ctx context.Context) (*bench, error) {
	c, err := r.fresh()
	if err != nil {
		return nil, err
	}
	p, err := provider.Launch(ctx, c)
	if err != nil {
		return nil, err
	}
	at := backend.Caller{Store: "kit-" + rand.Text(), App: "kit", Component: "kit", Grant: "kit"}
	return &bench{config: c, p: p, info: p.Info(), at: at, upstream: r.upstream}, nil
}

// discard ends the process that rules share.
func (r *runner) discard() {
	if r.shared != nil {
		_ = r.shared.p.Close() // what it leaves is removed in the end
		r.shared = nil
	}
}

// Passes reports whether no rule failed.
func Passes(results []Result) bool {
	for _, r := range results {
		if r.Status == Failed {
			return false
		}
	}
	return true
}
