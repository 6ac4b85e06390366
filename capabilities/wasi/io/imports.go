package wasiio

import (
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

// The interfaces, and the resources by which their handles are known.
var (
	errorInterface   = wits.Interface("wasi:io/error")
	pollInterface    = wits.Interface("wasi:io/poll")
	streamsInterface = wits.Interface("wasi:io/streams")

	errorResource = errorInterface.Resource("error")
	pollable      = pollInterface.Resource("pollable")
	inputStream   = streamsInterface.Resource("input-stream")
	outputStream  = streamsInterface.Resource("output-stream")
)

// Imports are the interfaces of wasi:io. No function takes a grant: who handed
// out the stream asked for it.
func Imports() []capabilities.Import {
	return []capabilities.Import{
		{Interface: errorInterface, Funcs: open(errorFuncs())},
		{Interface: pollInterface, Funcs: open(pollFuncs())},
		{Interface: streamsInterface, Funcs: open(streamFuncs())},
	}
}

func open(funcs map[string]wit.HostFunc) map[string]capabilities.Func {
	m := make(map[string]capabilities.Func, len(funcs))
	for name, run := range funcs {
		m[name] = capabilities.Func{Run: run}
	}
	return m
}
