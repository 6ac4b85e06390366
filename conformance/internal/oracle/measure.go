package oracle

// #include "oracle.h"
import "C"

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// measure answers what is asked for benchmarks. The loops are in Go, as they
// would be in a host that used the component C API.
func measure(state *C.writ_oracle, q *request) response {
	switch q.Op {
	case opPool:
		if state.engine != nil {
			return response{Misuse: "there is an engine already"}
		}
		C.writ_oracle_pooled(state)
		return response{}
	case opTimeLoad:
		data := (*C.uint8_t)(unsafe.SliceData(q.Data))
		return timed(1, func() *C.wasmtime_error_t { return C.writ_oracle_load(state, data, C.size_t(len(q.Data))) })
	case opTimeInstances:
		if err := C.writ_oracle_link_rest(state); err != nil {
			return response{Refused: message(err)}
		}
		return timed(q.Count, func() *C.wasmtime_error_t { return C.writ_oracle_once(state) })
	}
	return timeCalls(state, q)
}

func timeCalls(state *C.writ_oracle, q *request) response {
	name := (*C.char)(unsafe.Pointer(unsafe.StringData(q.Name)))
	p := C.writ_oracle_prepare(state, name, C.size_t(len(q.Name)), (*C.uint8_t)(unsafe.SliceData(q.Data)),
		C.size_t(len(q.Data)), C.size_t(q.Args))
	if p == nil {
		return response{Misuse: "no such function or arguments"}
	}
	defer C.writ_oracle_forget(p)
	return timed(q.Count, func() *C.wasmtime_error_t { return C.writ_oracle_repeat(p) })
}

func timed(n uint64, f func() *C.wasmtime_error_t) response {
	start := processorTime()
	for range n {
		if err := f(); err != nil {
			return response{Refused: message(err)}
		}
	}
	return response{Took: processorTime() - start}
}

// processorTime is what this process used: work that a machine has besides does
// not change it much.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

//export writ_oracle_go_sink
func writ_oracle_go_sink(*C.wasmtime_component_val_t, C.size_t) {}
