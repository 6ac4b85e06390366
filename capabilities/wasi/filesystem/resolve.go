package filesystem

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/wit"
)

// What a path may be made of.
const (
	maxPath  = 4096 // bytes
	maxLinks = 40   // symbolic links in its course
	maxDepth = 128  // directories that are open during a walk
)

// place is where a path led: a name in an open directory.
type place struct {
	dir   int    // the directory; valid until close
	name  string // "." when the path led to the directory itself
	path  string // on the host, without links; in an error, as far as it is known
	stat  unix.Stat_t
	found bool
	slash bool // the path ended in a slash: only a directory will do
	walk  walk
}

func (p *place) close() { p.walk.close() }

func (p *place) kind() kind {
	if !p.found {
		return kindUnknown
	}
	return kindOf(&p.stat)
}

// resource is what grants call the place.
func (p *place) resource() string { return resource(p.path, p.kind() == kindDirectory) }

// walk is a path on its way.
type walk struct {
	base  *descriptor
	dirs  []int    // open directories below base, the current one last
	names []string // of dirs
	rest  []string // names to come, the next one last
	links int
}

func (w *walk) close() {
	for _, fd := range w.dirs {
		_ = unix.Close(fd)
	}
	w.dirs = nil
}

// current is the directory that the walk has reached.
func (w *walk) current() int {
	if len(w.dirs) > 0 {
		return w.dirs[len(w.dirs)-1]
	}
	return w.base.fd
}

// at is the path on the host of a name in the current directory.
func (w *walk) at(name string) string {
	parts := make([]string, 0, len(w.names)+2)
	parts = append(parts, strings.TrimSuffix(w.base.path, "/"))
	parts = append(parts, w.names...)
	if name != "" {
		parts = append(parts, name)
	}
	if path := strings.Join(parts, "/"); path != "" {
		return path
	}
	return "/"
}

// add puts a path before what is to come.
func (w *walk) add(path string) {
	names := strings.Split(path, "/")
	for i := len(names) - 1; i >= 0; i-- {
		w.rest = append(w.rest, names[i])
	}
}

// following says which link at the end of a path is followed. What changes a
// directory follows none: a link with a slash behind it is no directory then.
type following int

const (
	followNone following = iota
	followSlash
	followAll
)

// followFlag is what a call's path-flags ask for.
func followFlag(flags wit.Value) following {
	if flags.Uint()&1 != 0 {
		return followAll
	}
	return followSlash
}

// resolve walks a path from a directory. The place is there with an error too,
// and must be closed.
func (d *descriptor) resolve(path string, follow following) (*place, error) {
	p := &place{walk: walk{base: d}, path: d.path}
	switch {
	case d.kind != kindDirectory:
		return p, errNotDirectory
	case path == "":
		return p, errNoEntry
	case len(path) > maxPath:
		return p, errNameTooLong
	case strings.IndexByte(path, 0) >= 0:
		return p, errInvalid
	case path[0] == '/':
		return p, errNotPermitted
	}
	p.walk.add(path)
	err := p.run(follow)
	if err != nil {
		p.path = p.walk.unreached()
	}
	return p, err
}

// unreached is the path on the host of what the walk was on its way to.
func (w *walk) unreached() string {
	path := w.at("")
	for i := len(w.rest) - 1; i >= 0; i-- {
		if name := w.rest[i]; name != "" && name != "." {
			path += "/" + name
		}
	}
	return path
}

func (p *place) run(follow following) error {
	w := &p.walk
	for len(w.rest) > 0 {
		name := w.rest[len(w.rest)-1]
		if name == "" || name == "." {
			w.rest = w.rest[:len(w.rest)-1]
			continue
		}
		if done, err := p.step(name, follow); done || err != nil {
			return err
		}
	}
	return p.itself()
}

// step takes one name off the rest, unless it fails.
func (p *place) step(name string, follow following) (done bool, err error) {
	w := &p.walk
	pop := func() { w.rest = w.rest[:len(w.rest)-1] }
	if name == ".." {
		if len(w.dirs) == 0 {
			return false, errNotPermitted
		}
		pop()
		w.up()
		return false, nil
	}
	last, slash := ends(w.rest[:len(w.rest)-1])
	err = again(func() error { return unix.Fstatat(w.current(), name, &p.stat, unix.AT_SYMLINK_NOFOLLOW) })
	if last && errors.Is(err, unix.ENOENT) {
		p.arrive(name, slash)
		return true, nil
	}
	if err != nil {
		return false, err
	}
	k := kindOf(&p.stat)
	switch {
	case k == kindLink && (!last || follow == followAll || slash && follow == followSlash):
		target, err := w.readLink(name)
		if err != nil {
			return false, err
		}
		pop()
		w.add(target)
		return false, nil
	case k != kindDirectory && (!last || slash):
		return false, errNotDirectory
	case last:
		p.found = true
		p.arrive(name, slash)
		return true, nil
	}
	pop()
	return false, w.down(name)
}

func (p *place) arrive(name string, slash bool) {
	p.dir, p.name, p.slash, p.path = p.walk.current(), name, slash, p.walk.at(name)
}

// itself is for a path whose end is no name, such as "." or "a/..".
func (p *place) itself() error {
	p.dir, p.name, p.slash, p.found, p.path = p.walk.current(), ".", true, true, p.walk.at("")
	return unix.Fstatat(p.dir, ".", &p.stat, unix.AT_SYMLINK_NOFOLLOW)
}

// ends says whether no name is to come, and whether a slash is.
func ends(rest []string) (last, slash bool) {
	for i := len(rest) - 1; i >= 0; i-- {
		if rest[i] != "" && rest[i] != "." {
			return false, false
		}
	}
	return true, len(rest) > 0
}

// readLink is the text of a link. An absolute one leads out of the guest's
// directory, even if it comes back.
func (w *walk) readLink(name string) (string, error) {
	if w.links++; w.links > maxLinks {
		return "", errLoop
	}
	target, err := readLink(w.current(), name)
	switch {
	case err != nil:
		return "", err
	case target == "":
		return "", errNoEntry
	case target[0] == '/':
		return "", errNotPermitted
	}
	return target, nil
}

func readLink(dir int, name string) (string, error) {
	buf := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(dir, name, buf)
	switch {
	case err != nil:
		return "", err
	case n > maxPath:
		return "", errNameTooLong
	}
	return string(buf[:n]), nil
}

// down enters a directory. That it has become a link is an error.
func (w *walk) down(name string) error {
	if len(w.dirs) >= maxDepth {
		return errNameTooLong
	}
	fd, err := openPath(w.current(), name)
	if err != nil {
		return err
	}
	w.dirs, w.names = append(w.dirs, fd), append(w.names, name)
	return nil
}

func (w *walk) up() {
	last := len(w.dirs) - 1
	_ = unix.Close(w.dirs[last])
	w.dirs, w.names = w.dirs[:last], w.names[:last]
}

// openPath opens a directory for walking through, which takes no permission to read it.
func openPath(dir int, name string) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}
