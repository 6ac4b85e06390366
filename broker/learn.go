package broker

import "slices"

// Learned is a call that was allowed although nothing granted it, because a host learns what an app needs.
type Learned struct {
	App, Component, Capability, Operation string
	Resource                              string // not redacted
	Prefix                                bool   // Resource is the beginning of those that were asked about
	Bytes                                 int64
	Reason                                Reason // why it would have been denied
	Grant                                 string // id of the nearest grant, "" when there is none
	Refused                               bool   // it was denied all the same
}

// unlearnable are the capabilities whose effects no copy of the data holds in: nothing of them is allowed for being asked.
// Requests over HTTP reach public addresses only without a grant that names the host, which is for the provider to see to.
var unlearnable = []string{TCP, UDP, DNS}

// fileReads are the operations on files that leave no trace.
var fileReads = []string{Read, List}

// learn lets a call pass that would be denied, when the host learns. Denials stay, and so do what no grant could allow and
// what a copy of the data does not contain.
func (s *Subject) learn(call *Call, d *Decision, prefix bool) bool {
	tell := s.broker.config.Learn
	if tell == nil {
		return false
	}
	l := Learned{App: s.app, Component: s.component, Capability: call.Capability, Operation: call.Operation, Resource: call.Resource,
		Prefix: prefix, Bytes: call.Bytes, Reason: d.Reason, Grant: d.GrantID()}
	switch {
	case d.Reason >= Granted, // a denial, and what has nothing to do with grants
		slices.Contains(unlearnable, call.Capability),
		call.Capability == File && !slices.Contains(fileReads, call.Operation) && call.Operation != "open":
		l.Refused = true
	}
	tell(l)
	if l.Refused {
		return false
	}
	d.Allowed, d.Reason, d.Cacheable = true, Granted, false
	d.Grant = &Grant{ID: "learning", App: s.app, Component: s.component, Capability: call.Capability, Resource: "**", Operations: []string{Any},
		pattern: learningPattern}
	return true
}

// learningPattern names no host, so that a request made under it reaches public addresses only.
var learningPattern = compilePattern("**")
