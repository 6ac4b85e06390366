package codecache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Check reports whether others could know the cache's key, or put another in
// its place. A cache or key that is not there yet is well. It changes nothing.
func Check(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = checkDir(dir, info)
	}
	if err != nil {
		return err
	}
	path := filepath.Join(dir, keyFile)
	if err := checkKey(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if info, err = os.Lstat(path); err != nil {
		return err
	}
	return checkOwner(path, info)
}

func checkDir(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("%s: want a directory", dir)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: others may write to it, and so replace its key: chmod 700 %s", dir, dir)
	}
	return checkOwner(dir, info)
}

func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: it belongs to user %d, and this process is user %d: chown it, or set cache in host.toml", path, stat.Uid, os.Geteuid())
	}
	return nil
}
