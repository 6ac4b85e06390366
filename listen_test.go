package writ

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// A socket that a killed process left is taken over, and one that is served is not.
func TestListenOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	a := &App{Config: &HostConfig{Listen: "unix:" + path}}
	l, err := a.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := a.URL(l); got != "unix:"+path {
		t.Errorf("it is at %s", got)
	}
	if _, err := a.Listen(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("twice: %v", err)
	}
}
