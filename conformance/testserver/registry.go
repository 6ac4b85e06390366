package testserver

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// Registry is an OCI registry, the reference implementation of distribution.
type Registry struct {
	Address string
	process *exec.Cmd
}

// StartRegistry starts a registry; with a user it lets in nobody else. It skips
// the test where there is no such program.
func StartRegistry(t testing.TB, user, password string) *Registry {
	t.Helper()
	path, err := program("docker-registry")
	if err != nil {
		t.Skip("there is no OCI registry: apt-get install docker-registry")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{Address: "127.0.0.1:" + strconv.Itoa(port)}
	r.process = exec.Command(path, "serve", r.configure(t, user, password))
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	if err := ready(r.answers); err != nil {
		t.Fatal(err)
	}
	return r
}

// configure writes the registry's configuration.
func (r *Registry) configure(t testing.TB, user, password string) string {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n",
		filepath.Join(dir, "data"), r.Address)
	if user != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		users := filepath.Join(dir, "users")
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", users)
		if err := os.WriteFile(users, fmt.Appendf(nil, "%s:%s\n", user, hash), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (r *Registry) answers() error {
	resp, err := http.Get("http://" + r.Address + "/v2/")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Kill ends the server as a crash would.
func (r *Registry) Kill() {
	if r.process != nil {
		_ = r.process.Process.Kill()
		_ = r.process.Wait()
		r.process = nil
	}
}
