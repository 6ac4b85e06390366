package kit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/writ-host/writ/capabilities/provider"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// control is the service that every provider has.
func (b *bench) control() (pb.ProviderClient, error) {
	conn, err := b.p.Conn()
	if err != nil {
		return nil, err
	}
	return pb.NewProviderClient(conn), nil
}

func (b *bench) alive() error {
	if err := b.p.Health(b.ctx); err != nil {
		return fmt.Errorf("afterwards it is not well: %w", err)
	}
	if n := b.p.Restarts(); n > 0 {
		return errors.New("its process ended")
	}
	return nil
}

var shortName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func describesItself(b *bench) error {
	i := b.info
	switch {
	case !shortName.MatchString(i.Name):
		return fmt.Errorf("the name %q is not short and in lower case", i.Name)
	case i.Version == "":
		return errors.New("there is no version")
	case len(i.Services) == 0:
		return errors.New("it offers no service")
	}
	for _, s := range i.Services {
		if !slices.Contains([]string{"KeyValue", "SQL", "HTTP", "Custom"}, s) {
			return fmt.Errorf("there is no service %q", s)
		}
	}
	for _, name := range i.Interfaces {
		if n, err := wit.ParseName(name); err != nil || n.Namespace == "" {
			return fmt.Errorf("%q is not the name of an interface", name)
		}
	}
	if len(i.SettingsSchema) > 0 && !isObject(i.SettingsSchema) {
		return errors.New("the schema of its settings is not a JSON object")
	}
	return nil
}

func isObject(b []byte) bool {
	var v map[string]any
	return json.Unmarshal(b, &v) == nil && v != nil
}

func describesTheSame(b *bench) error {
	c, err := b.control()
	if err != nil {
		return err
	}
	var first []byte
	for range 3 {
		d, err := c.Describe(b.ctx, &pb.DescribeRequest{HostVersion: "kit"})
		if err != nil {
			return err
		}
		text, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
		if err != nil {
			return err
		}
		if first != nil && !bytes.Equal(first, text) {
			return errors.New("two descriptions differ")
		}
		first = text
	}
	return nil
}

func configuredOnce(b *bench) error {
	c, err := b.control()
	if err != nil {
		return err
	}
	if _, err := c.Configure(b.ctx, &pb.ConfigureRequest{SettingsJson: b.config.Settings, DataDir: b.config.DataDir}); err == nil {
		return errors.New("a second Configure was taken")
	}
	return b.alive()
}

func refusesUnknownSettings(b *bench) error {
	var schema struct {
		Additional *bool `json:"additionalProperties"`
	}
	if len(b.info.SettingsSchema) > 0 {
		if err := json.Unmarshal(b.info.SettingsSchema, &schema); err != nil {
			return fmt.Errorf("read its schema: %w", err)
		}
		if schema.Additional == nil || *schema.Additional {
			return skip("its schema takes any settings")
		}
	}
	c := b.config
	c.DataDir += "-2"
	settings := map[string]any{}
	if len(c.Settings) > 0 {
		if err := json.Unmarshal(c.Settings, &settings); err != nil {
			return err
		}
	}
	settings["no-such-setting"] = true
	c.Settings, _ = json.Marshal(settings) // it was read from JSON
	defer os.RemoveAll(c.DataDir)
	p, err := provider.Launch(b.ctx, c)
	if err == nil {
		return errors.Join(errors.New(`the setting "no-such-setting" was taken`), p.Close())
	}
	return nil
}

func healthy(b *bench) error {
	late := 0 // which a machine that is busy may be now and then
	for range 20 {
		began := time.Now()
		ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
		err := b.p.Health(ctx)
		cancel()
		if took := time.Since(began); err == nil && took > time.Second {
			if late++; late > 2 {
				err = fmt.Errorf("an answer took %v, and not the first", took.Round(time.Millisecond))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unknownMethod(b *bench) error {
	conn, err := b.p.Conn()
	if err != nil {
		return err
	}
	for _, method := range []string{"/writ.provider.v1.Provider/NoSuchMethod", "/writ.provider.v1.NoSuchService/Get"} {
		err := conn.Invoke(b.ctx, method, &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) != codes.Unimplemented {
			return fmt.Errorf("%s: %v", method, err)
		}
	}
	return b.alive()
}

// mutualTLS tries to get in without TLS, and without the host's certificate.
func mutualTLS(b *bench) error {
	address, err := b.p.Address()
	if err != nil {
		return err
	}
	plain, err := grpc.NewClient("unix:"+address.String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer plain.Close()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	if _, err := pb.NewProviderClient(plain).Health(ctx, &pb.HealthRequest{}); err == nil {
		return errors.New("a client without TLS was let in")
	}
	raw, err := (&net.Dialer{Timeout: time.Second}).DialContext(b.ctx, "unix", address.String())
	if err != nil {
		return err
	}
	defer raw.Close()
	stranger := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) // it is the server that must check
	_ = raw.SetDeadline(time.Now().Add(2 * time.Second))
	if err := stranger.HandshakeContext(b.ctx); err == nil {
		_, err = stranger.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
		if err == nil {
			err = readsFrame(stranger)
		}
		if err == nil {
			return errors.New("a client without a certificate was let in")
		}
	}
	return b.alive()
}

// readsFrame reports nil when a server answers HTTP/2 at all.
func readsFrame(c net.Conn) error {
	var frame [9]byte
	n, err := c.Read(frame[:])
	if n > 0 {
		return nil
	}
	return err
}

func gone(pid int, wait time.Duration) bool {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return true
		}
	}
	return false
}

func endsInOrder(b *bench) error {
	pid := b.p.PID()
	began := time.Now()
	if err := b.p.Close(); err != nil {
		return err
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		return fmt.Errorf("it had to be killed after %v: want it to end on GRPCController.Shutdown", took.Round(time.Millisecond))
	}
	if !gone(pid, time.Second) {
		return errors.New("its process goes on")
	}
	return nil
}

func endsWithStdin(b *bench) error {
	pid := b.p.PID()
	if err := b.p.CloseInput(); err != nil {
		return err
	}
	for end := time.Now().Add(restartTime); time.Now().Before(end) && b.ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if b.p.PID() != pid {
			return nil
		}
	}
	return errors.New("its process goes on: a host that dies where the kernel cannot end its children would leave it")
}

// restartTime is how long a provider may take to serve again, unless it was given longer to start.
const restartTime = 10 * time.Second

// kill ends the process, and waits for the next.
func (b *bench) kill() error {
	pid := b.p.PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	wait := max(restartTime, b.config.StartTimeout)
	for end := time.Now().Add(wait); time.Now().Before(end) && b.ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		if now := b.p.PID(); now != 0 && now != pid {
			return nil
		}
	}
	return fmt.Errorf("it did not serve again within %v", wait)
}

func restarts(b *bench) error {
	for range 2 {
		if err := b.kill(); err != nil {
			return err
		}
	}
	return b.p.Health(b.ctx)
}
