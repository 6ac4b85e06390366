package filesystem

import (
	"context"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/wit"
)

var (
	descriptorResource = types.Resource("descriptor")
	entriesResource    = types.Resource("directory-entry-stream")
)

// getDirectories hands out the directories that the instance has, each with
// a handle of its own at every call. One below which nothing is granted is not
// there; nor is one that the host cannot open, which the log tells.
func getDirectories(ctx context.Context, c *wit.Call) error {
	i := capabilities.From(c)
	var list []wit.Value
	for _, p := range i.Preopens {
		d, err := openPreopen(ctx, i, p)
		if err != nil {
			i.Logger().Warn("directory is not there for the guest", "guest", p.Guest, "host", p.Host, "error", err)
			continue
		}
		list = append(list, wit.Tuple(wit.NewOwn(descriptorResource, d), wit.String(p.Guest)))
	}
	c.Return(wit.List(list...))
	return nil
}

func openPreopen(ctx context.Context, i *capabilities.Instance, p capabilities.Preopen) (*descriptor, error) {
	path, err := filepath.EvalSymlinks(p.Host)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := reaches(ctx, i, resource(path, true)); err != nil {
		return nil, err
	}
	if err := i.Open(); err != nil {
		return nil, err
	}
	fd, err := openPath(unix.AT_FDCWD, path)
	if err != nil {
		i.Shut()
		return nil, err
	}
	flags := uint32(flagRead | flagMutate)
	if p.ReadOnly {
		flags = flagRead
	}
	return newDescriptor(i, fd, kindDirectory, path, flags, !p.ReadOnly), nil
}
