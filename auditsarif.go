package writ

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Sarif is the findings of an audit as a SARIF 2.1.0 log, for tools that show
// findings beside the lines that they concern.
type Sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	InformationURI string      `json:"informationUri"`
	Version        string      `json:"version"`
	Rules          []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	Help             sarifText `json:"help"`
	Default          struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   *sarifProperties  `json:"properties,omitempty"`
}

// sarifProperties are of the grant that a result is about.
type sarifProperties struct {
	Grant   string     `json:"grant"`
	Since   *time.Time `json:"since"` // in force as it is; null where the ledger does not say
	Used    *AuditUse  `json:"used"`
	History string     `json:"history,omitempty"` // the two in words
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region *sarifRegion `json:"region,omitempty"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

// Sarif lists the findings.
func (a *Audit) Sarif() *Sarif {
	run := sarifRun{ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "writ", InformationURI: "https://github.com/writ-host/writ", Version: a.Writ}
	index := map[string]int{}
	for i, r := range auditRules {
		rule := sarifRule{ID: r.ID, ShortDescription: sarifText{r.Title}, Help: sarifText{r.Help}}
		rule.Default.Level = r.Level
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
		index[r.ID] = i
	}
	for _, app := range a.Apps {
		for _, c := range app.Components {
			for _, f := range c.Findings {
				r := sarifOf(f, index[f.Rule], app.Name, c.Name)
				if i := slices.IndexFunc(c.Grants, func(g AuditGrant) bool { return g.ID == f.Grant }); i >= 0 {
					g := c.Grants[i]
					r.Properties = &sarifProperties{Grant: g.ID, Since: g.Since, Used: g.Used, History: app.History(g)}
				}
				run.Results = append(run.Results, r)
			}
		}
	}
	return &Sarif{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

func sarifOf(f AuditFinding, index int, app, component string) sarifResult {
	r := sarifResult{RuleID: f.Rule, RuleIndex: index, Level: f.Level, Message: sarifText{f.Message},
		Fingerprints: map[string]string{"finding/v1": strings.Join([]string{app, component, f.Rule, f.Message}, "/")}}
	var l sarifLocation
	l.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(f.File)}).String()
	if f.Line > 0 {
		l.Physical.Region = &sarifRegion{f.Line}
	}
	r.Locations = []sarifLocation{l}
	return r
}
