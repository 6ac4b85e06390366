package writ

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/broker"
)

// AuditFinding is something in an audit that a person should look at.
type AuditFinding struct {
	Rule    string `json:"rule"`
	Level   string `json:"level"` // "warning" or "note"
	Message string `json:"message"`
	File    string `json:"file"`
	Line    int    `json:"line"`  // 0 when it concerns the whole file
	Grant   string `json:"grant"` // the id of the one that it is about; "" when it is about none
}

// AuditRule is a kind of finding.
type AuditRule struct {
	ID, Level, Title, Help string
}

// auditRules are all kinds of findings, in the order in which they are told of.
var auditRules = []AuditRule{
	{"requested-not-granted", "warning", "Requested and not granted",
		"The manifest asks for what nothing grants. The component will be refused; grant it, or take the request out."},
	{"granted-not-requested", "warning", "Granted and not requested",
		"A grant is in force that the manifest does not ask for. Revoke it, or let the developer say what it is for."},
	{"granted-beyond-request", "warning", "Granted beyond what is requested",
		"A grant reaches more than the manifest asks for. Narrow it to the request."},
	{"whole-capability", "warning", "Grant of everything",
		"A grant reaches every resource of its capability. Name the resources that are needed."},
	{"tls-unverified", "warning", "TLS certificates are not verified",
		"Requests under the grant go to whoever answers at the address, with all that they carry. Have the server's authority trusted with http.ca-file, and take tls out of the grant."},
	{"unused-grant", "note", "Grant that nothing can use",
		"The component imports no interface that this grant could serve. A later version of the component might."},
	{"expired-grant", "note", "Expired grant", "The grant's time has passed and it allows nothing. Renew or revoke it."},
	{"imported-unreachable", "note", "Imported and unreachable",
		"The component imports an interface for which nothing is granted: every call of it that needs a grant is denied."},
}

// find notes what is worth a look. The manifest is where requests are written.
func (c *AuditComponent) find(manifest string) {
	for _, r := range c.Missing {
		why := ""
		if len(r.DeniedBy) > 0 {
			why = "; some of it is denied by " + strings.Join(r.DeniedBy, ", ")
		}
		c.note("requested-not-granted", manifest, nil, "%s requests %s on %s%s", c.Name, strings.Join(r.Operations, ", "), r.Resource, why)
	}
	for _, g := range c.Grants {
		c.findInGrant(g)
	}
	for _, i := range c.Imports {
		if i.Access == Unreachable {
			c.note("imported-unreachable", c.Source, nil, "%s imports %s, for which nothing is granted", c.Name, i.Name)
		}
	}
}

func (c *AuditComponent) findInGrant(g AuditGrant) {
	what := fmt.Sprintf("%s: %s on %s", g.ID, strings.Join(g.Operations, ", "), g.Resource)
	if g.Expired {
		c.note("expired-grant", g.File, &g, "%s expired on %s", what, g.Expires.Format("2006-01-02"))
		return
	}
	if g.ByDefault {
		return
	}
	switch {
	case g.Requested:
	case g.InPart:
		c.note("granted-beyond-request", g.File, &g, "%s is granted to %s, which requests only part of it", what, c.Name)
	default:
		c.note("granted-not-requested", g.File, &g, "%s is granted to %s, which does not request it", what, c.Name)
	}
	if reachesAll(g) {
		c.note("whole-capability", g.File, &g, "%s reaches all of %s", what, g.Capability)
	}
	if g.TLS == broker.Unverified {
		c.note("tls-unverified", g.File, &g, "%s: requests of %s go to whoever answers, whatever certificate that one shows", what, c.Name)
	}
	if g.Unused {
		c.note("unused-grant", g.File, &g, "%s: %s imports nothing that could use it", what, c.Name)
	}
}

// reachesAll reports whether a pattern names nothing but its scheme.
func reachesAll(g AuditGrant) bool {
	_, rest, _ := strings.Cut(g.Resource, ":")
	if g.Resource == "**" {
		return true
	}
	return rest != "" && strings.Trim(rest, "/*:") == ""
}

// note adds a finding, about a grant or nil.
func (c *AuditComponent) note(rule, file string, g *AuditGrant, format string, args ...any) {
	f := AuditFinding{Rule: rule, Level: "note", Message: fmt.Sprintf(format, args...), File: file}
	for _, r := range auditRules {
		if r.ID == rule {
			f.Level = r.Level
		}
	}
	if g != nil {
		f.Line, f.Grant = g.Line, g.ID
	}
	c.Findings = append(c.Findings, f)
}
