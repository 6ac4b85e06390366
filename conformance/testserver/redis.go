package testserver

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	redis "github.com/redis/go-redis/v9"
)

// Redis is a Redis server that keeps what it has acknowledged when it is killed.
type Redis struct {
	Address string
	Dir     string
	bus     int
	args    []string
	process *exec.Cmd
}

// StartRedis starts a server with more arguments, such as --tls-port. It skips
// the test where there is no such program.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := newRedis(t, args)
	r.start(t)
	return r
}

func newRedis(t testing.TB, args []string) *Redis {
	t.Helper()
	if _, err := program("redis-server"); err != nil {
		t.Skip("there is no Redis server: apt-get install redis-server")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{Address: "127.0.0.1:" + strconv.Itoa(port), Dir: t.TempDir(), args: args}
	if r.bus, err = freePort(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.process != nil {
			r.Kill()
		}
	})
	return r
}

// port is the number that clients connect to.
func (r *Redis) port() string { return r.Address[strings.LastIndex(r.Address, ":")+1:] }

func (r *Redis) start(t testing.TB) {
	t.Helper()
	ports := []string{"--port", r.port()}
	if strings.Contains(strings.Join(r.args, " "), "--tls-cert-file") {
		ports = []string{"--port", "0", "--tls-port", r.port()}
	}
	path, _ := program("redis-server")
	r.process = exec.Command(path, append(append(ports, "--bind", "127.0.0.1", "--dir", r.Dir, "--save", "", "--appendonly", "yes",
		"--appendfsync", "always", "--logfile", filepath.Join(r.Dir, "log")), r.args...)...)
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	if err := ready(func() error { return r.listens() }); err != nil {
		t.Fatal(err)
	}
}

func (r *Redis) listens() error {
	c, err := net.DialTimeout("tcp", r.Address, time.Second)
	if err == nil {
		err = c.Close()
	}
	return err
}

// Kill ends the server as a crash would.
func (r *Redis) Kill() {
	_ = r.process.Process.Kill()
	_ = r.process.Wait()
	r.process = nil
}

// Restart starts a server that was killed.
func (r *Redis) Restart(t testing.TB) {
	t.Helper()
	r.start(t)
}

// Client is a client without TLS or password.
func (r *Redis) Client(t testing.TB) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: r.Address})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// slots is how many a cluster has.
const slots = 16384

// StartRedisCluster starts n servers that share the slots.
func StartRedisCluster(t testing.TB, n int) []*Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var nodes []*Redis
	for i := range n {
		r := newRedis(t, nil)
		r.args = []string{"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(r.bus), "--cluster-node-timeout", "20000"} // a busy machine is no failure
		r.start(t)
		c := r.Client(t)
		if err := c.ClusterAddSlotsRange(ctx, i*slots/n, (i+1)*slots/n-1).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Do(ctx, "cluster", "set-config-epoch", i+1).Err(); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			first := nodes[0]
			if err := c.Do(ctx, "cluster", "meet", "127.0.0.1", first.port(), first.bus).Err(); err != nil {
				t.Fatal(err)
			}
		}
		nodes = append(nodes, r)
	}
	for _, r := range nodes {
		c := r.Client(t)
		if err := ready(func() error {
			info, err := c.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", n))) {
				err = fmt.Errorf("not together yet: %s", info)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}
