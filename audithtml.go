package writ

import (
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
)

//go:embed audit.html
var auditPage string

// WriteHTML writes the audit as one page that needs nothing else, for people
// who do not run commands.
func (a *Audit) WriteHTML(w io.Writer) error {
	page, err := template.New("audit").Funcs(template.FuncMap{
		"join":     func(s []string) string { return strings.Join(s, ", ") },
		"size":     func(n int) string { return humanize.IBytes(uint64(n)) },
		"short":    shortDigest,
		"words":    capabilityWords,
		"verb":     operationWords,
		"phrase":   func(g AuditGrant) string { return resourceWords(g.Capability, g.Resource) },
		"byAccess": byAccess,
		"routes":   routesOf,
		"warnings": func(c AuditComponent) int { return len(atLevel(c.Findings, "warning")) },
		"atLevel":  atLevel,
		"title":    ruleTitle,
	}).Parse(auditPage)
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		*Audit
		Summary auditSummary
	}{a, a.summary()})
}

// auditSummary is what the page says first.
type auditSummary struct {
	Apps, Components, Grants, Warnings, Unreachable int
}

func (a *Audit) summary() auditSummary {
	s := auditSummary{Apps: len(a.Apps)}
	for _, app := range a.Apps {
		for _, c := range app.Components {
			s.Components++
			for _, g := range c.Grants {
				if !g.Expired {
					s.Grants++
				}
			}
			s.Warnings += len(atLevel(c.Findings, "warning"))
			s.Unreachable += len(byAccess(c, Unreachable))
		}
	}
	return s
}

func atLevel(findings []AuditFinding, level string) []AuditFinding {
	return slices.DeleteFunc(slices.Clone(findings), func(f AuditFinding) bool { return f.Level != level })
}

func byAccess(c AuditComponent, access string) []AuditImport {
	return slices.DeleteFunc(slices.Clone(c.Imports), func(i AuditImport) bool { return i.Access != access })
}

func routesOf(app AuditApp, c AuditComponent) []string {
	var routes []string
	for _, r := range app.Routes {
		if r.Component == c.Name && !r.Private {
			routes = append(routes, r.Route)
		}
	}
	return routes
}

func ruleTitle(id string) string {
	for _, r := range auditRules {
		if r.ID == id {
			return r.Title
		}
	}
	return id
}

// shortDigest is as much of a digest as people compare.
func shortDigest(d string) string {
	kind, digits, _ := strings.Cut(d, ":")
	return kind + ":" + digits[:min(12, len(digits))]
}

var capabilityNames = map[string]string{
	"kv": "Key-value data", "http": "Other web services", "sql": "Databases", "file": "Files", "tcp": "Network (TCP)",
	"udp": "Network (UDP)", "dns": "Name lookup", "env": "Environment variables", "clock": "The time", "random": "Random numbers",
}

func capabilityWords(name string) string {
	if words, ok := capabilityNames[name]; ok {
		return words
	}
	return name + " (third party)"
}

func operationWords(operations []string) string {
	if slices.Contains(operations, "*") {
		return "do anything"
	}
	return strings.Join(operations, ", ")
}

// resourceWords says in English what a pattern reaches, or "" where it says so itself.
func resourceWords(capability, pattern string) string {
	_, rest, ok := strings.Cut(pattern, "://")
	first, path, slash := strings.Cut(rest, "/")
	switch {
	case !ok || strings.Contains(first, "*"):
		return ""
	case capability == "kv" && slash && path == "**":
		return "every key of store " + first
	case capability == "kv" && strings.HasSuffix(path, "/**") && strings.Count(path, "*") == 2:
		return "keys under " + strings.TrimSuffix(path, "**") + " of store " + first
	case capability == "sql" && path == "*":
		return "every table of database " + first
	case capability == "sql" && path != "" && !strings.Contains(path, "*"):
		return "table " + path + " of database " + first
	case capability == "http" && path == "**":
		return "everything at " + first
	}
	return ""
}
