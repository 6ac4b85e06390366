// Package wasiio implements wasi:io@0.2, error, poll and streams, and is what
// other capabilities make their streams and pollables with.
//
// Start with [InputStream], [OutputStream] and [Pollable], what is behind the
// three resources. [FromReader], [FromWriter], [Direct], [After], [On] and
// [Event] make them from Go's own; [OpenInput], [OpenOutput], [NewPollable] and
// [NewError] make values to hand to a guest.
//
// A host function may block, since that holds a fiber and no thread. So a
// blocking read goes straight to the reader, on the goroutine of the guest's
// call; a goroutine of its own starts only for a guest that asks without
// waiting, or waits for several things at once.
//
// The package never opens anything, and nothing here needs a grant: whoever
// made the stream asked for it.
package wasiio
