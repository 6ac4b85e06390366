package wasmtime

// #include "fiber.h"
import "C"

import "fmt"

// Text translates the text format to a binary module or component. It is meant
// for tests: text from outside must not reach it.
func Text(wat string) ([]byte, error) {
	var out C.wasm_byte_vec_t
	if err := takeError(C.wasmtime_wat2wasm(charPtr(wat), C.size_t(len(wat)), &out)); err != nil {
		return nil, fmt.Errorf("translate text: %w", err)
	}
	return takeBytes(&out), nil
}
