package provider_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// offer prints a handshake for a socket of its own, without anything of gRPC.
func offer() (net.Listener, tls.Certificate) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	l, err := net.Listen("unix", os.Getenv("PLUGIN_UNIX_SOCKET_DIR")+"/s")
	if err != nil {
		os.Exit(3)
	}
	os.Stdout.WriteString("1|1|unix|" + l.Addr().String() + "|grpc|" + base64.RawStdEncoding.EncodeToString(der) + "\n")
	return l, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// accept takes connections, on which there is not even TLS.
func accept() {
	l, _ := offer()
	for {
		if _, err := l.Accept(); err != nil {
			os.Exit(3)
		}
	}
}

// flood is a server that sends frames of HTTP/2 of one kind, as fast as it can.
func flood(kind string) {
	l, certificate := offer()
	for {
		c, err := l.Accept()
		if err != nil {
			os.Exit(3)
		}
		go floodOn(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"}}), kind)
	}
}

func floodOn(c net.Conn, kind string) {
	defer c.Close()
	f := http2.NewFramer(c, c)
	if f.WriteSettings() != nil {
		return
	}
	go func() { _, _ = io.Copy(io.Discard, c) }()
	var block bytes.Buffer
	fields := hpack.NewEncoder(&block)
	for range 4 { // each names what is in the table by one byte from the second time on
		_ = fields.WriteField(hpack.HeaderField{Name: "x", Value: string(make([]byte, 900))})
	}
	repeated := bytes.Repeat(block.Bytes()[block.Len()-1:], 16<<10)
	var err error
	for n := uint32(0); err == nil; n++ {
		switch kind {
		case "pings":
			err = f.WritePing(false, [8]byte{byte(n)})
		case "settings":
			err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: n % 65536})
		case "resets":
			err = f.WriteRSTStream(1+2*(n%100000), http2.ErrCodeCancel)
		case "windows":
			err = f.WriteWindowUpdate(0, 1)
		case "headers":
			if n == 0 {
				err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes()})
			} else {
				err = f.WriteContinuation(1, false, repeated)
			}
		}
	}
}

// A provider that is no more than a flood of frames costs the host its start, and
// neither memory nor time beyond that.
func TestFloodsOfFrames(t *testing.T) {
	for _, kind := range []string{"pings", "settings", "resets", "windows", "headers"} {
		t.Run(kind, func(t *testing.T) {
			c := hostileConfig(t, "floods "+kind)
			c.StartTimeout = 3 * time.Second
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			most, stop, stopped := uint64(0), make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for tick := time.NewTicker(50 * time.Millisecond); ; {
					select {
					case <-stop:
						return
					case <-tick.C:
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapAlloc-min(m.HeapAlloc, before.HeapAlloc))
					}
				}
			}()
			began := time.Now()
			p, err := provider.Launch(context.Background(), c)
			close(stop)
			<-stopped
			if err == nil {
				t.Fatal("it started", p.Close())
			}
			t.Logf("%v, %d MiB: %v", time.Since(began), most>>20, err)
			if took := time.Since(began); took > time.Minute || most > 512<<20 {
				t.Errorf("it took %v and %d MiB more", took, most>>20)
			}
		})
	}
}
