package writ

import (
	"context"
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

// Invoke calls an exported function of a component once. The call is written
// as interface#function(arguments), or function(arguments) for one of the
// world itself, with arguments as WAVE text. It returns the function's type
// and its result, which is no value when the function returns nothing.
func (a *App) Invoke(ctx context.Context, c Command, call string) (f *wit.Func, result wit.Value, err error) {
	iface, name, text, err := splitCall(call)
	if err != nil {
		return nil, wit.Value{}, err
	}
	err = a.once(ctx, c, func(ctx context.Context, r *runner) error {
		export, err := r.prepared.Func(iface, name)
		if err != nil {
			return err
		}
		f = export.Type
		args, err := parseArguments(f, text)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		result, err = r.command(ctx, c, export, args...)
		return err
	})
	return f, result, err
}

// splitCall takes interface#function(arguments) apart; text keeps its parentheses.
func splitCall(call string) (iface, name, text string, err error) {
	call = strings.TrimSpace(call)
	at := strings.IndexByte(call, '(')
	if at <= 0 || !strings.HasSuffix(call, ")") {
		return "", "", "", fmt.Errorf("call %q: want interface#function(arguments) or function(arguments)", call)
	}
	name, text = strings.TrimSpace(call[:at]), call[at:]
	if hash := strings.LastIndexByte(name, '#'); hash >= 0 {
		iface, name = name[:hash], name[hash+1:]
	}
	return iface, name, text, nil
}

// parseArguments reads arguments as the tuple that they look like.
func parseArguments(f *wit.Func, text string) ([]wit.Value, error) {
	if len(f.Params) == 0 {
		if strings.TrimSpace(text[1:len(text)-1]) != "" {
			return nil, fmt.Errorf("arguments %s: the function takes none", text)
		}
		return nil, nil
	}
	types := make([]*wit.Type, len(f.Params))
	for i, p := range f.Params {
		types[i] = p.Type
	}
	tuple, err := wit.ParseValue(wit.TupleOf(types...), text)
	if err != nil {
		return nil, fmt.Errorf("arguments %s: %w", text, err)
	}
	return tuple.Items(), nil
}
