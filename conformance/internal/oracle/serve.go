package oracle

// #cgo CFLAGS: -std=c11 -O1
// #include "oracle.h"
import "C"

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	_ "github.com/bytecodealliance/wasmtime-go/v39" // links libwasmtime.a
)

// request is what the parent asks for.
type request struct {
	Op            op
	Name          string
	Data          []byte
	Args, Results int
	Count         uint64
}

type op uint8

const (
	opText op = iota
	opLoad
	opInstantiate
	opCall
	opDrop
	opPool
	opTimeLoad
	opTimeInstances
	opTimeCalls
)

// response is the answer; Refused is wasmtime's own error.
type response struct {
	Data    []byte
	Refused string
	Took    time.Duration
	// Misuse means that the request made no sense.
	Misuse string
}

// childMark is set in the child to how much memory it may use, in bytes.
const childMark = "WRIT_ORACLE_CHILD"

// Serve never returns in a process that [Start] made; call it first in TestMain.
func Serve() {
	if os.Getenv(childMark) == "" {
		return
	}
	memory, err := strconv.ParseUint(os.Getenv(childMark), 10, 64)
	if err == nil {
		err = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory})
	}
	if err == nil {
		err = serve(os.Stdin, os.Stdout)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve answers requests. It ends at once when the parent does, even in the
// middle of one: what it is given to compile may keep it busy for hours.
func serve(in io.Reader, out io.Writer) error {
	var state C.writ_oracle
	requests, ended := make(chan request), make(chan error, 1)
	go func() {
		for reader := gob.NewDecoder(in); ; {
			var q request
			if err := reader.Decode(&q); err != nil {
				ended <- err
				return
			}
			requests <- q
		}
	}()
	go func() {
		for writer := gob.NewEncoder(out); ; {
			q := <-requests
			if err := writer.Encode(answer(&state, &q)); err != nil {
				ended <- err
				return
			}
		}
	}()
	return <-ended
}

func answer(state *C.writ_oracle, q *request) response {
	data, size := (*C.uint8_t)(unsafe.SliceData(q.Data)), C.size_t(len(q.Data))
	switch q.Op {
	case opText:
		var out C.wasm_byte_vec_t
		refused := message(C.wasmtime_wat2wasm((*C.char)(unsafe.Pointer(data)), size, &out))
		if refused != "" {
			return response{Refused: refused}
		}
		defer C.wasm_byte_vec_delete(&out)
		return response{Data: C.GoBytes(unsafe.Pointer(out.data), C.int(out.size))}
	case opLoad:
		return response{Refused: message(C.writ_oracle_load(state, data, size))}
	case opInstantiate:
		if state.component == nil {
			return response{Misuse: "nothing is loaded"}
		}
		return response{Refused: message(C.writ_oracle_instantiate(state))}
	case opCall:
		return call(state, q)
	case opDrop:
		return drop(state, q)
	}
	return measure(state, q)
}

func call(state *C.writ_oracle, q *request) response {
	var out C.writ_oracle_writer
	var err *C.wasmtime_error_t
	name, data := unsafe.StringData(q.Name), unsafe.SliceData(q.Data)
	ok := C.writ_oracle_call(state, (*C.char)(unsafe.Pointer(name)), C.size_t(len(q.Name)), (*C.uint8_t)(data),
		C.size_t(len(q.Data)), C.size_t(q.Args), C.size_t(q.Results), &out, &err)
	defer C.free(unsafe.Pointer(out.data))
	if !ok {
		return response{Misuse: "no such function or arguments"}
	}
	return response{Data: C.GoBytes(unsafe.Pointer(out.data), C.int(out.size)), Refused: message(err)}
}

func drop(state *C.writ_oracle, q *request) response {
	var err *C.wasmtime_error_t
	if !C.writ_oracle_drop(state, C.uint32_t(q.Args), &err) {
		return response{Misuse: "no such handle"}
	}
	return response{Refused: message(err)}
}

// message is an error's text, "" for none.
func message(err *C.wasmtime_error_t) string {
	if err == nil {
		return ""
	}
	defer C.wasmtime_error_delete(err)
	var text C.wasm_name_t
	C.wasmtime_error_message(err, &text)
	defer C.wasm_byte_vec_delete(&text)
	return "wasmtime: " + C.GoStringN((*C.char)(unsafe.Pointer(text.data)), C.int(text.size))
}
