package egress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"
)

// Settings are what the operator may say. The zero value is a good one.
type Settings struct {
	// CAFile has certificates, in PEM, to trust besides the system's.
	CAFile string `json:"ca_file,omitempty"`
	// Nameserver is an address to ask instead of those in /etc/resolv.conf.
	Nameserver string `json:"nameserver,omitempty"`
	// Private are networks that are not public, to which a host may resolve that a
	// grant names without a wildcard.
	Private []netip.Prefix `json:"private,omitempty"`

	// The longest that a component may wait, and what it waits when it does not
	// say. 0 is 30 s for the connection and 60 s for the others.
	Connect      time.Duration `json:"connect,omitempty"`
	FirstByte    time.Duration `json:"first_byte,omitempty"`
	BetweenBytes time.Duration `json:"between_bytes,omitempty"`

	MaxRequests int `json:"max_requests,omitempty"` // at once; 0 is 1024
}

// JSON is the settings as the provider gets them.
func (s Settings) JSON() (json.RawMessage, error) { return json.Marshal(s) }

// Validate says what is wrong with the settings.
func (s Settings) Validate() error {
	if s.Nameserver != "" {
		if _, err := netip.ParseAddrPort(s.Nameserver); err != nil {
			return fmt.Errorf("nameserver %q: want an address with a port, such as 10.0.0.53:53", s.Nameserver)
		}
	}
	if s.Connect < 0 || s.FirstByte < 0 || s.BetweenBytes < 0 || s.MaxRequests < 0 {
		return errors.New("a limit is below 0")
	}
	return nil
}

func (s Settings) withDefaults() Settings {
	setDefault(&s.Connect, 30*time.Second)
	setDefault(&s.FirstByte, time.Minute)
	setDefault(&s.BetweenBytes, time.Minute)
	setDefault(&s.MaxRequests, 1024)
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func readSettings(text json.RawMessage) (Settings, error) {
	var s Settings
	if len(text) > 0 {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
			return s, fmt.Errorf("settings: %w", err)
		}
	}
	return s, s.Validate()
}

// systemFiles are what names and certificates are looked up in.
var systemFiles = []string{
	"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/share/pki",
}

// Readable are the files and directories that the provider reads with these
// settings, as far as they are there.
func (s Settings) Readable() []string {
	var found []string
	for _, path := range append(systemFiles[:len(systemFiles):len(systemFiles)], s.CAFile) {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	return found
}
