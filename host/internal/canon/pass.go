package canon

import "github.com/writ-host/writ/wit"

// PassParams hands the parameters of a call from the guest that calls to the
// guest that is called: from and its context are the caller's canon lower, to
// and its context the callee's canon lift. Both must have been compiled from
// equal types. It appends the callee's arguments to out.
func PassParams(from *Func, caller *Context, args []uint64, to *Func, callee *Context, out []uint64) ([]uint64, error) {
	var room [wit.MaxFlatParams]wit.Value
	values, err := from.LiftParams(caller, args, room[:0])
	if err != nil {
		return out, err
	}
	out, err = to.LowerParams(callee, values, out)
	if err != nil {
		for _, v := range values {
			giveBack(caller, v)
		}
	}
	return out, err
}

// PassResult hands the result back: results are what the callee's core
// function returned, args what the caller had passed, and out takes the
// results of the caller's core function.
func PassResult(to *Func, callee *Context, results []uint64, from *Func, caller *Context, args, out []uint64) error {
	v, err := to.LiftResult(callee, results)
	if err != nil {
		return err
	}
	if err := from.LowerResult(caller, args, v, out); err != nil {
		giveBack(callee, v)
		return err
	}
	return nil
}

// giveBack returns the handles of a value that could not be passed on to the
// instance they came from, whose end takes care of them.
func giveBack(cx *Context, v wit.Value) {
	EachOwn(v, func(h *wit.Handle) {
		// They were in the table a moment ago, so there is room.
		_, _ = cx.Handles.AddOwn(h)
	})
}
