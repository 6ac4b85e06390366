package broker

import (
	"strings"
	"testing"
)

func TestConditionsInWords(t *testing.T) {
	for name, test := range map[string]struct{ rego, words string }{
		"yes":      {"yes := true", "always"},
		"no":       {"no := false", "never"},
		"self":     {`self if input.component.name == "web"`, "always"},
		"other":    {`other if input.component.name == "worker"`, "never"},
		"reads":    {`reads if input.operation == "get"`, `the operation is "get"`},
		"small":    {`small if input.bytes < 100`, "the size is less than 100"},
		"either":   {"either if input.operation == \"get\"\neither if input.bytes < 9", `either the operation is "get", or the size is less than 9`},
		"both":     {"both if {\n input.operation in {\"get\", \"exists\"}\n startswith(input.resource, \"kv://a/\")\n}", `the operation is one of "exists", "get" and the resource begins with "kv://a/"`},
		"hours":    {"hours if {\n [hour, _, _] := time.clock(time.now_ns())\n hour >= 9\n hour < 17\n}", "the hour is at least 9 and the hour is less than 17"},
		"weekdays": {`weekdays if not time.weekday(time.now_ns()) in {"Saturday", "Sunday"}`, `the weekday of now is none of "Saturday", "Sunday"`},
		"zoned":    {"import data.writ.lib.hours\nzoned if {\n hours.weekday(\"UTC\")\n hours.between(9, 17, \"Europe/Berlin\")\n}", `the weekday of now in UTC is none of "Saturday", "Sunday" and the hour in Europe/Berlin is at least 9 and the hour in Europe/Berlin is less than 17`},
		"mistaken": {"import data.writ.lib.hours\nmistaken if hours.between(\"22:00\", \"06:00\", \"UTC\")", "never"},
		"default_": {"default default_ := false\ndefault_ if input.operation == \"get\"", `the operation is "get"`},
		"labelled": {`labelled if input.component.labels.tier == "gold"`, "never"},
	} {
		grants := strings.Replace(grantJSON(`,"when":"`+name+`"`), `"id":"g"`, `"id":"g"`, 1)
		b := guestbook(t, Config{}, grants, map[string]string{"c.rego": "package writ.conditions\n\n" + test.rego})
		all, err := b.Conditions(t.Context(), "guestbook", "web")
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v %v", name, all, err)
			continue
		}
		if r := all[0]; r.Words != test.words || r.Origin.File != "c.rego" || r.Origin.Line < 3 {
			t.Errorf("%s: %q (%s)\nof %s", name, r.Words, r.Origin, r.Rego)
		}
	}
}
