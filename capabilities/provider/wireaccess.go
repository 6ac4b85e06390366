package provider

import (
	"errors"
	"net"
	"slices"

	"google.golang.org/grpc"
)

// Conn is the connection to the process that serves now, for who tests the
// protocol itself.
func (p *Provider) Conn() (*grpc.ClientConn, error) {
	s := p.now()
	if s == nil {
		return nil, errors.New("there is no connection to the provider")
	}
	return s.conn, nil
}

// Address is the socket on which the process serves, for who tests that nobody
// else is let in.
func (p *Provider) Address() (net.Addr, error) {
	s := p.now()
	if s == nil {
		return nil, errors.New("the provider does not serve")
	}
	return s.plugin.ReattachConfig().Addr, nil
}

// DataSocket is the path of the process's data socket, empty where it has none,
// for who tests that nobody else is let in.
func (p *Provider) DataSocket() string {
	if s := p.now(); s != nil {
		return s.data.path
	}
	return ""
}

// DataKey is what proves to the data socket who connects, nil where there is none.
func (p *Provider) DataKey() []byte {
	if s := p.now(); s != nil && s.data.path != "" {
		return slices.Clone(s.data.key)
	}
	return nil
}

// CloseInput closes the process's standard input, as the end of the host would,
// for who tests that it ends then.
func (p *Provider) CloseInput() error {
	s := p.now()
	if s == nil {
		return errors.New("the provider does not serve")
	}
	return s.process.stdin.Close()
}
