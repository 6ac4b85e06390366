package broker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func scopeOf(t testing.TB, text string) Scope {
	t.Helper()
	f, err := ParseGrants("grants.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Scope{Grants: f.Grants, Denials: f.Denials, Conditions: map[string]string{"calm": "x", "busy": "y"}, At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
}

func oneGrant(pattern, operations, more string) string {
	return fmt.Sprintf(`{"id":"g-%x","app":"a","component":"c","capability":"kv","resource":%q,"operations":[%s]%s}`, pattern+operations+more, pattern, operations, more)
}

func TestWider(t *testing.T) {
	deny := `],"denials":[{"id":"d","capability":"kv","resource":"kv://s/secret/**","operations":["*"]}`
	for name, test := range map[string]struct {
		old, next string
		why       string // "" is not wider
	}{
		"same":              {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"get"`, ""), ""},
		"narrower":          {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/a/*", `"get"`, ""), ""},
		"new operation":     {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"get","set"`, ""), "not reachable before"},
		"all by name":       {oneGrant("kv://s/**", `"*"`, ""), oneGrant("kv://s/**", `"get","set"`, ""), ""},
		"names to all":      {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"*"`, ""), "not reachable before"},
		"wider pattern":     {oneGrant("kv://s/a/**", `"get"`, ""), oneGrant("kv://s/**", `"get"`, ""), "before only part of it: kv://s/a/**"},
		"two make one":      {oneGrant("kv://s/a/*", `"get"`, "") + "," + oneGrant("kv://s/a/*/**", `"get"`, ""), oneGrant("kv://s/a/**", `"get"`, ""), ""},
		"limit goes":        {oneGrant("kv://s/**", `"get"`, `,"limits":{"max_bytes":5}`), oneGrant("kv://s/**", `"get"`, ""), "before at most 5 bytes a call"},
		"limit comes":       {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"get"`, `,"limits":{"max_bytes":5}`), ""},
		"rate rises":        {oneGrant("kv://s/**", `"get"`, `,"limits":{"calls_per_second":5}`), oneGrant("kv://s/**", `"get"`, `,"limits":{"calls_per_second":6}`), "before at most 5 calls a second"},
		"rate splits":       {oneGrant("kv://s/**", `"get"`, `,"limits":{"calls_per_second":5}`), oneGrant("kv://s/**", `"get"`, `,"limits":{"calls_per_second":5}`) + "," + oneGrant("kv://s/a", `"get"`, `,"limits":{"calls_per_second":5}`), "together with other grants up to 10 calls a second"},
		"expired":           {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"get"`, "") + "," + oneGrant("kv://t/**", `"get"`, `,"expires":"2026-01-01T00:00:00Z"`), ""},
		"renewed":           {oneGrant("kv://s/**", `"get"`, `,"expires":"2026-01-01T00:00:00Z"`), oneGrant("kv://s/**", `"get"`, `,"expires":"2027-01-01T00:00:00Z"`), "before only until 2026-01-01 00:00 UTC"},
		"expiry goes":       {oneGrant("kv://s/**", `"get"`, `,"expires":"2027-01-01T00:00:00Z"`), oneGrant("kv://s/**", `"get"`, ""), "before only until 2027-01-01 00:00 UTC"},
		"condition goes":    {oneGrant("kv://s/**", `"get"`, `,"when":"calm"`), oneGrant("kv://s/**", `"get"`, ""), "before only when calm"},
		"condition changes": {oneGrant("kv://s/**", `"get"`, `,"when":"calm"`), oneGrant("kv://s/**", `"get"`, `,"when":"busy"`), "before under another condition"},
		"condition comes":   {oneGrant("kv://s/**", `"get"`, ""), oneGrant("kv://s/**", `"get"`, `,"when":"busy"`), ""},
		"denial goes":       {oneGrant("kv://s/**", `"get"`, "") + deny, oneGrant("kv://s/**", `"get"`, ""), "before denied on kv://s/secret/** by d"},
		"denial stays":      {oneGrant("kv://s/**", `"get"`, "") + deny, oneGrant("kv://s/**", `"get"`, "") + deny, ""},
		"denied anyway":     {"", oneGrant("kv://s/secret/a", `"get"`, "") + deny, ""},
		"denial elsewhere":  {oneGrant("kv://s/a/**", `"get"`, "") + deny, oneGrant("kv://s/a/**", `"get"`, ""), ""},
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

// What Wider calls not wider allows no call that the old grants did not allow.
func TestNotWiderAllowsNothingNew(t *testing.T) {
	r := random{rand.New(rand.NewPCG(11, 7))}
	same := 0
	for range 1500 {
		oldGrants, oldDenials := r.scopes(3), r.scopes(1)
		nextGrants, nextDenials := r.scopes(1), r.scopes(1)
		before, after := loadScopes(t, oldGrants, oldDenials), loadScopes(t, nextGrants, nextDenials)
		wider := scopeInForce(before).Wider(scopeInForce(after))
		if len(wider) > 0 {
			continue
		}
		same++
		for range 60 {
			call := r.call()
			if after.Subject("a", "c").Decide(t.Context(), call).Allowed && !before.Subject("a", "c").Decide(t.Context(), call).Allowed {
				t.Fatalf("%+v is allowed anew, and not reported: %+v %+v, then %+v %+v", call, oldGrants, oldDenials, nextGrants, nextDenials)
			}
		}
	}
	if same < 100 {
		t.Errorf("only %d pairs were not wider", same)
	}
}

func scopeInForce(b *Broker) Scope {
	return Scope{Grants: b.Grants("a", "c"), Denials: b.Denials("a", "c")}
}
