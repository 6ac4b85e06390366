package writ

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/host"
)

// Free space below which there is something to say, in bytes.
const (
	littleSpace = 1 << 30
	noSpace     = 64 << 20
)

// checkState looks at where state and compiled code are kept.
func checkState(c *HostConfig) []Check {
	checks := []Check{checkDir("data", c.Data)}
	cache := c.Cache
	if cache == "" {
		var err error
		if cache, err = DefaultCache(); err != nil {
			return append(checks, Check{Name: "cache", Found: "there is none"}.needs(HealthFail, "%v", err))
		}
	}
	return append(checks, checkDir("cache", cache), checkKey(cache))
}

// checkDir looks at a directory, or the one in which it would be made.
func checkDir(key, path string) Check {
	c := well(key, "%s", path)
	dir, err := existing(path)
	if err == nil {
		err = unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	}
	if err != nil {
		return c.needs(HealthFail, "it cannot be written (%v): give this user the directory, or set %s in %s", err, key, HostConfigName)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return c.needs(HealthWarn, "its free space cannot be told: %v", err)
	}
	return judgeSpace(c, s.Bavail*uint64(s.Bsize), key == "data" && fleeting(s.Type))
}

func judgeSpace(c Check, free uint64, fleeting bool) Check {
	c.Found += ", " + humanize.IBytes(free) + " free"
	switch {
	case free < noSpace:
		return c.needs(HealthFail, "free some space, at least %s", humanize.IBytes(littleSpace))
	case free < littleSpace:
		return c.needs(HealthWarn, "free some space, or grow the volume")
	case fleeting:
		return c.needs(HealthWarn, "it is in memory or in a container's own layer and does not outlive that: set data to a directory on a volume")
	}
	return c
}

// fleeting reports whether a file system does not outlive the machine's run, or
// the container.
func fleeting(kind int64) bool {
	return kind == unix.TMPFS_MAGIC || kind == unix.OVERLAYFS_SUPER_MAGIC
}

// existing is the directory, or the nearest above it that there is.
func existing(path string) (string, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is not a directory", dir)
		case err == nil:
			return dir, nil
		case !errors.Is(err, fs.ErrNotExist) || dir == "/":
			return "", err
		}
		dir = filepath.Dir(dir)
	}
}

// checkKey looks at the key that authenticates compiled code.
func checkKey(cache string) Check {
	if err := host.CheckCache(cache); err != nil {
		return Check{Name: "cache key", Found: "others could forge compiled code"}.needs(HealthFail, "%v", err)
	}
	return well("cache key", "only this user can read or replace it")
}

// dirOf is the directory of an app.
func dirOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return path, nil
	}
	return filepath.Dir(path), nil
}
