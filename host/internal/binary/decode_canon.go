package binary

// immediates says what follows the opcode of a canonical definition.
type immediates uint8

const (
	noImmediate immediates = iota
	typeImmediate
	typeOptions
	typeAsync
	asyncImmediate
	cancelImmediate
	cancelMemory
	contextImmediates
	resultOptions
	optionsOnly
	typeTable
)

type canonForm struct {
	kind  CanonKind
	after immediates
}

var canonForms = map[byte]canonForm{
	0x02: {ResourceNew, typeImmediate},
	0x03: {ResourceDrop, typeImmediate},
	0x04: {ResourceRep, typeImmediate},
	0x24: {BackpressureInc, noImmediate},
	0x25: {BackpressureDec, noImmediate},
	0x09: {TaskReturn, resultOptions},
	0x05: {TaskCancel, noImmediate},
	0x0a: {ContextGet, contextImmediates},
	0x0b: {ContextSet, contextImmediates},
	0x06: {SubtaskCancel, asyncImmediate},
	0x0d: {SubtaskDrop, noImmediate},
	0x0e: {StreamNew, typeImmediate},
	0x0f: {StreamRead, typeOptions},
	0x10: {StreamWrite, typeOptions},
	0x11: {StreamCancelRead, typeAsync},
	0x12: {StreamCancelWrite, typeAsync},
	0x13: {StreamDropReadable, typeImmediate},
	0x14: {StreamDropWritable, typeImmediate},
	0x15: {FutureNew, typeImmediate},
	0x16: {FutureRead, typeOptions},
	0x17: {FutureWrite, typeOptions},
	0x18: {FutureCancelRead, typeAsync},
	0x19: {FutureCancelWrite, typeAsync},
	0x1a: {FutureDropReadable, typeImmediate},
	0x1b: {FutureDropWritable, typeImmediate},
	0x1c: {ErrorContextNew, optionsOnly},
	0x1d: {ErrorContextDebugMessage, optionsOnly},
	0x1e: {ErrorContextDrop, noImmediate},
	0x1f: {WaitableSetNew, noImmediate},
	0x20: {WaitableSetWait, cancelMemory},
	0x21: {WaitableSetPoll, cancelMemory},
	0x22: {WaitableSetDrop, noImmediate},
	0x23: {WaitableJoin, noImmediate},
	0x26: {ThreadIndex, noImmediate},
	0x27: {ThreadNewIndirect, typeTable},
	0x28: {ThreadResumeLater, noImmediate},
	0x29: {ThreadSuspend, cancelImmediate},
	0x0c: {ThreadYield, cancelImmediate},
	0x2a: {ThreadSuspendThenResume, cancelImmediate},
	0x2b: {ThreadYieldThenResume, cancelImmediate},
	0x2c: {ThreadSuspendThenPromote, cancelImmediate},
	0x2d: {ThreadYieldThenPromote, cancelImmediate},
}

func (d *decoder) canon() Item {
	c := &Canon{Pos: Pos(d.pos)}
	switch op := d.u8(); op {
	case 0x00:
		c.Kind, c.Func = Lift, d.canonFunc()
		c.Options = d.canonOptions()
		c.Type = d.u32()
	case 0x01:
		c.Kind, c.Func = Lower, d.canonFunc()
		c.Options = d.canonOptions()
	case 0x40, 0x41, 0x42:
		d.unsupported(c.At(), "shared-everything threads", "a canon thread.spawn or thread.available-parallelism")
	default:
		form, ok := canonForms[op]
		if !ok {
			d.failAt(c.At(), "invalid byte %#02x for a canonical definition", op)
		}
		c.Kind = form.kind
		d.canonImmediates(c, form.after)
	}
	return c
}

// canonFunc reads the byte that stands for the sort and a function index.
func (d *decoder) canonFunc() uint32 {
	if z := d.u8(); z != 0 {
		d.failAt(d.pos-1, "invalid byte %#02x for a canonical definition", z)
	}
	return d.u32()
}

func (d *decoder) canonImmediates(c *Canon, after immediates) {
	switch after {
	case typeImmediate, typeOptions, typeAsync, typeTable:
		c.Type = d.u32()
	case cancelImmediate, cancelMemory:
		c.Cancellable = d.bool("cancellable")
	case contextImmediates:
		c.Value = d.coreValType()
		c.Slot = d.u32()
	case resultOptions:
		c.Result = d.resultList()
	}
	switch after {
	case typeOptions, resultOptions, optionsOnly:
		c.Options = d.canonOptions()
	case typeAsync, asyncImmediate:
		c.Async = d.bool("async")
	case typeTable:
		c.Table = d.u32()
	case cancelMemory:
		c.Memory = d.u32()
	}
}

func (d *decoder) canonOptions() CanonOptions {
	var o CanonOptions
	encodings := 0
	for i := d.count(10, "canonical options"); i > 0 && d.ok(); i-- {
		at, c := d.pos, d.u8()
		switch c {
		case 0, 1, 2:
			o.Encoding = Encoding(c)
			if encodings++; encodings > 1 {
				d.failAt(at, "canonical encoding option %s conflicts with an earlier one", o.Encoding)
			}
		case 3:
			d.indexOption(at, "memory", &o.Memory)
		case 4:
			d.indexOption(at, "realloc", &o.Realloc)
		case 5:
			d.indexOption(at, "post-return", &o.PostReturn)
		case 6:
			if o.Async {
				d.failAt(at, "canonical option async is specified more than once")
			}
			o.Async = true
		case 7:
			d.indexOption(at, "callback", &o.Callback)
		case 8, 9:
			d.unsupported(at, "component model gc", "a canonical option core-type or gc")
		default:
			d.failAt(at, "invalid byte %#02x for a canonical option", c)
		}
	}
	return o
}

func (d *decoder) indexOption(at int, name string, to **uint32) {
	if *to != nil {
		d.failAt(at, "canonical option %s is specified more than once", name)
	}
	i := d.u32()
	*to = &i
}
