package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/writ-host/writ/host"
	"github.com/writ-host/writ/wit"
)

// patience is how long one command may take.
const patience = time.Minute

// session is the state of running one script.
type session struct {
	ctx         context.Context
	engine      *host.Engine
	dir         string
	definitions map[string]*definition // by name; "" is the latest
	instances   map[string]*instance
}

// definition is a component, or why there is none.
type definition struct {
	component *host.Component
	err       error
}

// instance is a running component, or why there is none.
type instance struct {
	prepared *host.Prepared
	live     *host.Instance
	err      error
}

// dependent is the error of a command that needs something that an earlier one
// could not make.
type dependent struct{ cause error }

func (d *dependent) Error() string { return "it depends on what was not there: " + d.cause.Error() }

func newSession(ctx context.Context, engine *host.Engine, dir string) *session {
	return &session{ctx, engine, dir, map[string]*definition{}, map[string]*instance{}}
}

// close ends what is alive, instances before what they are made of.
func (s *session) close() {
	for _, i := range s.instances {
		i.close()
	}
	for _, d := range s.definitions {
		d.close()
	}
}

func (i *instance) close() {
	if i.live != nil {
		i.live.Close()
	}
	if i.prepared != nil {
		i.prepared.Close()
	}
	i.live, i.prepared = nil, nil
}

func (d *definition) close() {
	if d.component != nil {
		d.component.Close()
	}
	d.component = nil
}

// perform runs one command; nil means that it went as the script says.
func (s *session) perform(c *command) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	switch c.Type {
	case "module":
		d := s.define(ctx, c)
		if err := s.instantiate(ctx, c.Name, d); d.err == nil {
			return err
		}
		return d.err
	case "module_definition":
		return s.define(ctx, c).err
	case "module_instance":
		return s.instantiate(ctx, c.Instance, s.definitions[c.Module])
	case "action":
		_, _, err := s.call(ctx, &c.Action)
		return err
	case "assert_return":
		return s.assertReturn(ctx, c)
	case "assert_trap", "assert_exhaustion":
		_, _, err := s.call(ctx, &c.Action)
		return checkTrap(err, c.Text)
	}
	return s.assertRefused(ctx, c)
}

// assertRefused performs the assertions about a component that must not run.
func (s *session) assertRefused(ctx context.Context, c *command) error {
	switch {
	case c.Type == "assert_malformed" && c.ModuleType == "text":
		return s.assertMalformedText(ctx, c)
	case c.Type == "assert_malformed", c.Type == "assert_invalid":
		d := s.compile(ctx, c)
		defer d.close()
		return checkRefused(d.err)
	case c.Type == "assert_unlinkable", c.Type == "assert_uninstantiable":
		d := s.compile(ctx, c)
		defer d.close()
		i := start(ctx, d)
		defer i.close()
		if c.Type == "assert_unlinkable" {
			return checkRefused(i.err)
		}
		return checkTrap(i.err, c.Text)
	}
	return fmt.Errorf("the command is not known")
}

// define makes a component known under its name and as the latest.
func (s *session) define(ctx context.Context, c *command) *definition {
	d := s.compile(ctx, c)
	s.definitions[fmt.Sprintf("line %d", c.Line)] = d // keeps it until the end
	s.definitions[c.Name] = d
	s.definitions[""] = d
	return d
}

func (s *session) compile(ctx context.Context, c *command) *definition {
	b, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
	if err != nil {
		return &definition{err: err}
	}
	component, err := s.engine.Compile(ctx, b)
	return &definition{component, err}
}

// start makes an instance of a component, linked to nothing.
func start(ctx context.Context, d *definition) *instance {
	i := &instance{err: d.err}
	if i.err != nil {
		return i
	}
	var linker host.Linker
	if i.prepared, i.err = linker.Prepare(d.component); i.err == nil {
		i.live, i.err = i.prepared.Instantiate(ctx, host.Limits{}, nil)
	}
	return i
}

// instantiate makes the instance of that name, which is then the latest.
func (s *session) instantiate(ctx context.Context, name string, d *definition) error {
	if d == nil {
		return fmt.Errorf("no component of that name was defined")
	}
	i := start(ctx, d)
	s.instances[fmt.Sprintf("instance %d", len(s.instances))] = i // keeps it until the end
	s.instances[name] = i
	s.instances[""] = i
	if d.err != nil {
		return depends(d.err)
	}
	return i.err
}

// call invokes an exported function.
func (s *session) call(ctx context.Context, a *action) (wit.Value, *wit.Func, error) {
	i := s.instances[a.Module]
	switch {
	case a.Type != "invoke":
		return wit.Value{}, nil, fmt.Errorf("action %q is not known", a.Type)
	case i == nil:
		return wit.Value{}, nil, fmt.Errorf("there is no instance %q", a.Module)
	case i.err != nil:
		return wit.Value{}, nil, depends(i.err)
	}
	f, err := i.prepared.Func("", a.Field)
	if err != nil {
		return wit.Value{}, nil, err
	}
	args, err := arguments(a.Args, f.Type)
	if err != nil {
		return wit.Value{}, nil, err
	}
	got, err := i.live.Call(ctx, f, args...)
	if err != nil {
		err = &trapped{err}
	}
	return got, f.Type, err
}

// depends is the error of a command whose instance is not there for lack of support.
func depends(err error) error {
	var missing *host.Unsupported
	if errors.As(err, &missing) {
		return &dependent{err}
	}
	return fmt.Errorf("the instance could not be made: %w", err)
}

func (s *session) assertReturn(ctx context.Context, c *command) error {
	got, f, err := s.call(ctx, &c.Action)
	if err != nil {
		return err
	}
	return compareResult(got, f.Result, c.Expected)
}

// assertMalformedText: what cannot be encoded reaches no host, and what can must be refused.
func (s *session) assertMalformedText(ctx context.Context, c *command) error {
	out := filepath.Join(s.dir, c.Filename+".wasm")
	cmd := exec.CommandContext(ctx, tool, "parse", filepath.Join(s.dir, c.Filename), "-o", out)
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil
		}
		return err
	}
	encoded := *c
	encoded.Filename += ".wasm"
	d := s.compile(ctx, &encoded)
	defer d.close()
	return checkRefused(d.err)
}

// checkRefused wants a component refused for what it is, not for a feature.
func checkRefused(err error) error {
	var missing *host.Unsupported
	switch {
	case err == nil:
		return fmt.Errorf("the component was accepted")
	case errors.As(err, &missing):
		return err
	}
	return nil
}
