package writ

import (
	"fmt"
	"maps"
	"testing"
)

func TestGeneralise(t *testing.T) {
	many := func(format string) map[string]uint64 {
		m := map[string]uint64{}
		for i := range 10 {
			m[fmt.Sprintf(format, i)] = 2
		}
		return m
	}
	merged := func(ms ...map[string]uint64) map[string]uint64 {
		all := map[string]uint64{}
		for _, m := range ms {
			maps.Copy(all, m)
		}
		return all
	}
	for name, test := range map[string]struct{ asked, want map[string]uint64 }{
		"few":           {map[string]uint64{"kv://a/x": 1, "kv://a/y/z": 2}, map[string]uint64{"kv://a/x": 1, "kv://a/y/z": 2}},
		"many":          {many("kv://a/m/%d"), map[string]uint64{"kv://a/m/*": 20}},
		"many and one":  {merged(many("kv://a/m/%d"), map[string]uint64{"kv://a/m": 5}), map[string]uint64{"kv://a/m/*": 20, "kv://a/m": 5}},
		"many and deep": {merged(many("kv://a/m/%d"), map[string]uint64{"kv://a/m/1/x": 5}), map[string]uint64{"kv://a/m/**": 25}},
		"many roots":    {many("kv://a/%d/x"), map[string]uint64{"kv://a/**": 20}},
		"many hosts":    {many("https://h%d:443/"), many("https://h%d:443/")},
		"names":         {many("env:N%d"), many("env:N%d")},
		"prefix":        {map[string]uint64{"kv://a/**": 1}, map[string]uint64{"kv://a/**": 1}},
	} {
		if got := generalise(test.asked); !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
