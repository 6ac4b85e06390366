package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// grantTLS is one grant of requests for guestbook/web, with further members.
func grantTLS(id, resource, more string) string {
	return fmt.Sprintf(`{"id":%q,"app":"guestbook","component":"web","capability":"http","resource":%q,"operations":["GET"]%s}`, id, resource, more)
}

const unverifiedMember = `,"tls":"unverified"`

func TestTLSIsForHTTPSAlone(t *testing.T) {
	for grant, want := range map[string]string{
		grantTLS("g", "https://lab.example/**", unverifiedMember):                                                                      "",
		grantTLS("g", "https://**", unverifiedMember):                                                                                  "",
		grantTLS("g", "http://lab.example/**", unverifiedMember):                                                                       `grants.json:2:129: resource "http://lab.example/**" has no certificate to verify: tls is for https://`,
		grantTLS("g", "http://lab.writ.internal/**", unverifiedMember):                                                                 "has no certificate to verify",
		grantTLS("g", "https://lab.example/**", `,"tls":"verified"`):                                                                   `"tls" is "verified": it is "unverified", or not there`,
		grantTLS("g", "https://lab.example/**", `,"tls":""`):                                                                           `"tls" is ""`,
		grantTLS("g", "https://lab.example/**", `,"tls":true`):                                                                         `"tls" is not a string`,
		`{"id":"g","app":"a","component":"c","capability":"kv","resource":"kv://s/**","operations":["get"],"tls":"unverified"}`:        `capability "kv" has no certificates to verify`,
		`{"id":"g","app":"a","component":"c","capability":"tcp","resource":"tcp://h:443","operations":["connect"],"tls":"unverified"}`: `capability "tcp" has no certificates to verify`,
	} {
		_, err := ParseGrants("grants.json", []byte("{\"grants\":[\n"+grant+"]}"))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", grant, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), "grants.json:2:") || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", grant, err, want)
		}
	}
	denial := `{"denials":[{"id":"d","capability":"http","resource":"https://**","operations":["*"],"tls":"unverified"}]}`
	if _, err := ParseGrants("grants.json", []byte(denial)); err == nil || !strings.Contains(err.Error(), `unknown key "tls" in denial`) {
		t.Errorf("a denial: %v", err)
	}
}

// TestVerifiedWins: whatever is granted beside it, and however the patterns are made, a grant that verifies and allows counts.
func TestVerifiedWins(t *testing.T) {
	modules := map[string]string{"p.rego": "package writ.conditions\n\nyes := true\n\nno := false\n"}
	const named, wide = "https://lab.example/**", "https://**/**"
	for name, test := range map[string]struct {
		grants []string
		want   string
	}{
		"alone":               {[]string{grantTLS("u", named, unverifiedMember)}, "u"},
		"same pattern":        {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, "")}, "v"},
		"wider":               {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", wide, "")}, "v"},
		"narrower":            {[]string{grantTLS("u", wide, unverifiedMember), grantTLS("v", "https://lab.example/a", "")}, "v"},
		"condition holds":     {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, `,"when":"yes"`)}, "v"},
		"condition does not":  {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, `,"when":"no"`)}, ""},
		"too large for it":    {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, `,"limits":{"max_bytes":1}`)}, ""},
		"rate left":           {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, `,"limits":{"calls_per_second":1}`)}, "v"},
		"expired":             {[]string{grantTLS("u", named, unverifiedMember), grantTLS("v", named, `,"expires":"2020-01-01T00:00:00Z"`)}, "u"},
		"other method":        {[]string{grantTLS("u", named, unverifiedMember), strings.Replace(grantTLS("v", named, ""), "GET", "PUT", 1)}, "u"},
		"both with condition": {[]string{grantTLS("u", named, unverifiedMember+`,"when":"yes"`), grantTLS("v", wide, `,"when":"yes"`)}, "v"},
		"unverified does not": {[]string{grantTLS("u", named, unverifiedMember+`,"when":"no"`)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, grants := range [][]string{test.grants, reversed(test.grants)} {
				b := guestbook(t, Config{}, `{"grants":[`+strings.Join(grants, ",")+`]}`, modules)
				call := Call{HTTP, "GET", "https://lab.example:443/a", 2}
				if e, err := b.Explain(t.Context(), "guestbook", "web", call); err != nil || e.Allowed != (test.want != "") || e.Allowed && e.Grant.ID != test.want {
					t.Errorf("explained: %+v, %v", e, err)
				}
				d := b.Subject("guestbook", "web").Decide(t.Context(), call)
				if d.Allowed != (test.want != "") || d.Allowed && d.GrantID() != test.want {
					t.Errorf("%v by %q, want %q", d.Reason, d.GrantID(), test.want)
				}
			}
		})
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// TestUnverifiedAfterRate: a component that uses up the rate of a grant that verifies does not get by.
func TestUnverifiedAfterRate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	b := guestbook(t, Config{Now: func() time.Time { return now }}, `{"grants":[`+grantTLS("u", "https://lab.example/**", unverifiedMember)+","+
		grantTLS("v", "https://lab.example/**", `,"limits":{"calls_per_second":1}`)+`]}`, nil)
	s := b.Subject("guestbook", "web")
	for _, want := range []Reason{Granted, RateLimited, RateLimited} {
		if d := s.Decide(t.Context(), Call{HTTP, "GET", "https://lab.example:443/a", 0}); d.Reason != want || d.GrantID() != "v" {
			t.Errorf("%v by %q, want %v by v", d.Reason, d.GrantID(), want)
		}
	}
}

func TestCoversUnverified(t *testing.T) {
	const at = "https://lab.example:443/a"
	deny := `],"denials":[{"id":"d","capability":"http","resource":"https://lab.example/a","operations":["*"]}`
	for name, test := range map[string]struct {
		grants string
		want   Reason
	}{
		"there":     {grantTLS("u", "https://lab.example/**", unverifiedMember), Granted},
		"limited":   {grantTLS("u", "https://lab.example/**", unverifiedMember+`,"limits":{"calls_per_second":1}`), Granted},
		"verified":  {grantTLS("v", "https://lab.example/**", ""), NoGrant},
		"elsewhere": {grantTLS("u", "https://lab.example/ab", unverifiedMember), NoGrant},
		"expired":   {grantTLS("u", "https://lab.example/**", unverifiedMember+`,"expires":"2020-01-01T00:00:00Z"`), Expired},
		"denied":    {grantTLS("u", "https://lab.example/**", unverifiedMember) + deny, Denied},
	} {
		b := guestbook(t, Config{}, `{"grants":[`+test.grants+`]}`, nil)
		s := b.Subject("guestbook", "web")
		if d := s.CoversUnverified(HTTP, "GET", at); d.Reason != test.want || d.Allowed != (test.want == Granted) || d.Cacheable != d.Allowed {
			t.Errorf("%s: %+v", name, d)
		}
		b.Suspend()
		if d := s.CoversUnverified(HTTP, "GET", at); d.Allowed {
			t.Errorf("%s: it covers while nothing is granted", name)
		}
	}
}

func TestRegoAnswersTLS(t *testing.T) {
	rule := func(resource string) map[string]string {
		return map[string]string{"p.rego": `package writ

grants contains {"id": "lab", "app": input.app.name, "component": input.component.name, "capability": "http",
	"resource": "` + resource + `", "operations": ["GET"], "tls": "unverified"} if input.component.name == "web"`}
	}
	b := guestbook(t, Config{}, `{"grants":[]}`, rule("https://lab.example/**"))
	d := b.Subject("guestbook", "web").Decide(t.Context(), Call{HTTP, "GET", "https://lab.example:443/a", 0})
	if !d.Allowed || d.Grant.TLS != Unverified {
		t.Errorf("%v by %+v", d.Reason, d.Grant)
	}
	err := New(Config{}).Load(t.Context(), Source{Modules: rule("http://lab.example/**"), Apps: guestbookApps()})
	if err == nil || !strings.Contains(err.Error(), "p.rego:3: ") || !strings.Contains(err.Error(), "no certificate to verify") {
		t.Errorf("a rule for http: %v", err)
	}
}

func TestUnverifiedIsWider(t *testing.T) {
	const lab, all = "https://lab.example/**", "https://**/**"
	v, u := func(r string) string { return grantTLS("v", r, "") }, func(r string) string { return grantTLS("u", r, unverifiedMember) }
	anyMethod := func(grant string) string { return strings.Replace(grant, `"GET"`, `"*"`, 1) }
	for name, test := range map[string]struct {
		old, next string
		why       string // "" is not wider
	}{
		"same":                       {u(lab), u(lab), ""},
		"verification goes":          {v(lab), u(lab), "before with certificates verified"},
		"verification comes":         {u(lab), v(lab), ""},
		"new":                        {"", u(lab), "not reachable before"},
		"beside one that verifies":   {v(all), v(all) + "," + u(lab), "before with certificates verified"},
		"the one that verifies goes": {v(all) + "," + u(lab), u(lab), "before with certificates verified on https://**:443/** by v"},
		"it narrows":                 {v(all) + "," + u(lab), v(lab) + "," + u(lab), "before with certificates verified on https://**:443/** by v"},
		"it is replaced":             {v(lab) + "," + u(lab), strings.Replace(v(lab), `"v"`, `"w"`, 1) + "," + u(lab), ""},
		"it gets a limit":            {v(lab) + "," + u(lab), grantTLS("v", lab, `,"limits":{"calls_per_second":1}`) + "," + u(lab), ""},
		"it gets an end":             {v(lab) + "," + u(lab), grantTLS("v", lab, `,"expires":"2099-01-01T00:00:00Z"`) + "," + u(lab), "before with certificates verified"},
		"it is for one method":       {v(lab) + "," + anyMethod(u(lab)), anyMethod(u(lab)), "before with certificates verified"},
		"it was elsewhere":           {v("https://other.example/**") + "," + u(lab), u(lab), ""},
		"both go":                    {v(all) + "," + u(lab), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			changes := scopeOf(t, `{"grants":[`+test.old+`]}`).Wider(scopeOf(t, `{"grants":[`+test.next+`]}`))
			switch {
			case test.why == "" && len(changes) > 0:
				t.Errorf("wider: %+v", changes)
			case test.why != "" && (len(changes) == 0 || !strings.HasPrefix(changes[0].Why, test.why)):
				t.Errorf("got %+v, want %q", changes, test.why)
			}
		})
	}
}

// TestPlanNamesTheGrantThatCounts, which is not the unverified one although it has no strings attached.
func TestPlanNamesTheGrantThatCounts(t *testing.T) {
	file, err := ParseGrants("grants.json", []byte(`{"grants":[`+grantTLS("u", "https://lab.example/**", unverifiedMember)+","+
		grantTLS("v", "https://lab.example/**", `,"when":"yes","expires":"2099-01-01T00:00:00Z","limits":{"max_bytes":9}`)+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	apps := []App{{Name: "guestbook", Components: []Component{{Name: "web", Requests: []Request{{Capability: HTTP, Resource: "https://lab.example/a", Operations: []string{"GET"}}}}}}}
	b := New(Config{})
	defer b.Close()
	modules := map[string]string{"p.rego": "package writ.conditions\n\nyes := true\n"}
	if err := b.Load(context.Background(), Source{Modules: modules, Grants: file, Apps: apps}); err != nil {
		t.Fatal(err)
	}
	findings, err := b.Plan("guestbook", "web")
	if err != nil || len(findings) != 1 || findings[0].Granted[0].Grants[0].ID != "v" {
		t.Errorf("%+v, %v", findings, err)
	}
}

func TestDecidingUnverifiedAllocatesNothing(t *testing.T) {
	b := guestbook(t, Config{}, `{"grants":[`+grantTLS("u", "https://lab.example/**", unverifiedMember)+","+grantTLS("v", "https://*.example/x/**", "")+`]}`, nil)
	s := b.Subject("guestbook", "web")
	for _, call := range []Call{{HTTP, "GET", "https://lab.example:443/a", 0}, {HTTP, "GET", "https://lab.example:443/x/a", 0}, {HTTP, "GET", "https://none.example:443/a", 0}} {
		if n := testing.AllocsPerRun(1000, func() { s.Decide(context.Background(), call) }); n > 0 {
			t.Errorf("%v: %v allocations", call, n)
		}
	}
}
