package wasmtime

// #include "fiber.h"
import "C"

// CheckComponent reports why the library's own component runtime refuses a
// component, which it compiles for that, but does not run. It uses an engine of
// its own and belongs into a child process: a fault of the library ends the process.
func CheckComponent(component []byte) error {
	return takeError(C.writ_component_check(bytesPtr(component), C.size_t(len(component))))
}
