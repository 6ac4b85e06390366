package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Config says which provider to run, and what it may reach.
type Config struct {
	Name string // of this instance, for logs and errors

	// Path is the provider's program, and SHA256 what it must be, in hex. An empty
	// Path is the host's own program, as built-in providers are.
	Path   string
	SHA256 string
	Args   []string // of the program, after its name
	// Launcher are the arguments with which the host's own program calls [Exec].
	Launcher []string

	// DataDir is the one directory that the provider may write; it is made when it
	// is not there. Empty for none.
	DataDir string
	// Readable are further files and directories that it may read and run.
	Readable []string
	// Network is what it may do there; the zero value is nothing.
	Network  Network
	Settings json.RawMessage // a JSON object, or nil
	Limits   Limits
	// Accept names parts of the isolation that may be missing. Without it, a
	// provider does not start where one is.
	Accept []string

	// OverGRPC has channels go over gRPC, though the provider may have a data socket.
	OverGRPC bool

	CallTimeout  time.Duration // of an operation whose context has no earlier deadline; 0 is 5 s
	StartTimeout time.Duration // from start to serving; 0 is 10 s
	// HealthEvery is the time between two questions after its health, and
	// HealthTimeout how long a provider may say nothing when it was asked; 0 is 1 s
	// each. One that does nothing at all is noticed, and started again, after at most both
	// together. One that is busy has five times HealthTimeout.
	HealthEvery, HealthTimeout time.Duration
	Log                        *slog.Logger // nil discards
	Observer                   Observer     // told of each call; nil is nobody
	OnChange                   func(Change) // told of each change in the life of the process, one at a time; nil is nobody
}

var hexDigest = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// Validate reports what is wrong with the configuration.
func (c *Config) Validate() error {
	switch {
	case c.Name == "":
		return errors.New("a provider needs a name")
	case len(c.Launcher) == 0:
		return fmt.Errorf("provider %s: no launcher", c.Name)
	case c.Path != "" && !filepath.IsAbs(c.Path):
		return fmt.Errorf("provider %s: the path %q is not absolute", c.Name, c.Path)
	case c.Path != "" && !hexDigest.MatchString(c.SHA256):
		return fmt.Errorf("provider %s: the program is not pinned: sha256 must be 64 hex digits", c.Name)
	case c.DataDir != "" && !filepath.IsAbs(c.DataDir):
		return fmt.Errorf("provider %s: the data directory %q is not absolute", c.Name, c.DataDir)
	case c.Settings != nil && !json.Valid(c.Settings):
		return fmt.Errorf("provider %s: the settings are not JSON", c.Name)
	}
	return nil
}

func (c Config) withDefaults() *Config {
	c.Limits = c.Limits.withDefaults()
	c.CallTimeout = orDefault(c.CallTimeout, 5*time.Second)
	c.StartTimeout = orDefault(c.StartTimeout, 10*time.Second)
	c.HealthEvery = orDefault(c.HealthEvery, time.Second)
	c.HealthTimeout = orDefault(c.HealthTimeout, time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("provider", c.Name)
	return &c
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// stage is what the launcher stage has to know.
func (c *Config) stage(socketDir string, script bool) stage {
	s := stage{
		Args:     append([]string{c.Name}, c.Args...),
		Writable: []string{socketDir, "/dev/null"},
		Readable: append([]string{"/dev/urandom"}, c.Readable...),
		Network:  c.Network,
		Limits:   c.Limits, Accept: c.Accept, Parent: os.Getpid(), Script: script,
	}
	if c.DataDir != "" {
		s.Writable = append(s.Writable, c.DataDir)
	}
	return s
}
