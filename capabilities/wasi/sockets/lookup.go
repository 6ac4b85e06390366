package sockets

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	wasiio "github.com/writ-host/writ/capabilities/wasi/io"
	"github.com/writ-host/writ/wit"
)

var lookupResource = wits.Interface("wasi:sockets/ip-name-lookup").Resource("resolve-address-stream")

const (
	lookupTime   = 30 * time.Second
	maxAddresses = 64
	maxLookups   = 64 // that an instance has going on
)

// lookup is a resolve-address-stream.
type lookup struct {
	instance *capabilities.Instance
	name     string
	cancel   context.CancelFunc
	done     wasiio.Event
	found    []netip.Addr // once done
	failed   error        // once done
	noted    bool
	open     *int
}

type lookupsKey struct{}

func resolveAddresses(ctx context.Context, c *wit.Call) (wit.Value, error) {
	i, text := capabilities.From(c), c.Args[1].Text()
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && a.Zone() == "" {
		l := &lookup{instance: i, found: []netip.Addr{a.Unmap()}, noted: true, cancel: func() {}, open: new(int)}
		l.done.Set()
		return wit.NewOwn(lookupResource, l), nil
	}
	name, resource, err := canonicalName(text)
	if err != nil {
		return wit.Value{}, errInvalidArgument
	}
	if !i.Allowed(ctx, broker.DNS, capabilities.Access{Operation: broker.Resolve, Resource: resource}) {
		return wit.Value{}, errAccessDenied
	}
	open := capabilities.State(i, lookupsKey{}, func() *int { return new(int) })
	if *open >= maxLookups {
		return wit.Value{}, errResolverNow
	}
	*open++
	l := &lookup{instance: i, name: name, open: open}
	ctx, l.cancel = context.WithTimeout(context.Background(), lookupTime)
	go l.run(ctx)
	return wit.NewOwn(lookupResource, l), nil
}

// canonicalName is a name as it is looked up and as grants have it.
func canonicalName(text string) (name, resource string, err error) {
	if name, err = idna.Lookup.ToASCII(strings.TrimSuffix(text, ".")); err != nil {
		return "", "", err
	}
	if strings.ContainsAny(name, "*/:#?") {
		return "", "", errInvalidArgument
	}
	if resource, err = broker.DNSResource(name); err != nil {
		return "", "", err
	}
	return strings.TrimPrefix(resource, "dns://"), resource, nil
}

func (l *lookup) run(ctx context.Context) {
	defer l.cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", l.name)
	for _, a := range found[:min(len(found), maxAddresses)] {
		l.found = append(l.found, a.Unmap().WithZone(""))
	}
	l.failed = resolverError(err)
	l.done.Set()
}

func resolverError(err error) error {
	var failed *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed) && failed.IsNotFound:
		return errUnresolvable
	case errors.As(err, &failed) && (failed.IsTemporary || failed.IsTimeout):
		return errResolverNow
	}
	return codeOf("permanent-resolver-failure")
}

func resolveNext(_ context.Context, c *wit.Call) (wit.Value, error) {
	l := wit.Self[*lookup](c)
	if !l.done.Ready() {
		return wit.Value{}, errWouldBlock
	}
	l.note()
	if l.failed != nil {
		return wit.Value{}, l.failed
	}
	if len(l.found) == 0 {
		return wit.None(), nil
	}
	a := l.found[0]
	l.found = l.found[1:]
	return wit.Some(ipValue(a)), nil
}

// note remembers what was found, so that a grant of the name holds for it.
func (l *lookup) note() {
	if l.noted {
		return
	}
	l.noted = true
	for _, a := range l.found {
		stateOf(l.instance).remember(l.name, a)
	}
}

// Drop implements wit.Dropper.
func (l *lookup) Drop() {
	l.cancel()
	if l.name != "" {
		*l.open--
	}
}
