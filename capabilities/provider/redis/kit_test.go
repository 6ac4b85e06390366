package redis

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider/kit"
	"github.com/writ-host/writ/conformance/testserver"
)

func conforms(t *testing.T, s Settings) {
	t.Helper()
	results, err := kit.Run(context.Background(), kit.Config{Provider: config(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	_ = kit.WriteTable(&table, results)
	if !kit.Passes(results) {
		t.Errorf("\n%s", table.String())
	}
	t.Logf("\n%s", table.String())
}

func TestAServerPassesTheKit(t *testing.T) {
	t.Parallel()
	conforms(t, plain(testserver.StartRedis(t)))
}

func TestAClusterPassesTheKit(t *testing.T) {
	t.Parallel()
	s := plain(testserver.StartRedisCluster(t, 3)...)
	s.Partitions = 8
	conforms(t, s)
}
