package provider

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// maxLine is how much of a provider's line is read as one, in bytes.
const maxLine = 64 << 10

// logLines takes what a program writes to standard error into the host's log,
// until its end. go-plugin's own reader of such lines panics on some.
func logLines(r io.Reader, log *slog.Logger) {
	lines := bufio.NewReaderSize(r, maxLine)
	dying := false // of a Go program's panic, all lines count
	for part := false; ; {
		line, err := lines.ReadSlice('\n')
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			whole := !part && err == nil
			dying = dying || whole && (bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")))
			logLine(line, whole, dying, log)
		}
		if part = errors.Is(err, bufio.ErrBufferFull); err != nil && !part {
			return
		}
	}
}

// logLine logs one line, or a part of one that is too long.
func logLine(line []byte, whole, dying bool, log *slog.Logger) {
	level := slog.LevelDebug
	if whole {
		if entry, level, ok := readLine(line); ok {
			message, attrs := entry.attrs()
			log.LogAttrs(context.Background(), level, message, attrs...)
			return
		}
	}
	if dying {
		level = slog.LevelError
	}
	log.Log(context.Background(), level, string(line))
}

// logEntry is a line in JSON with a level and a message, as hclog writes it.
type logEntry map[string]json.RawMessage

var logLevels = map[string]slog.Level{"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
	"warn": slog.LevelWarn, "error": slog.LevelError}

func readLine(line []byte) (entry logEntry, level slog.Level, ok bool) {
	if json.Unmarshal(line, &entry) != nil {
		return nil, 0, false
	}
	var name string
	if json.Unmarshal(entry["@level"], &name) == nil {
		level, ok = logLevels[name]
	}
	return entry, level, ok && len(entry["@message"]) > 0 && entry["@message"][0] == '"'
}

// attrs are the message and the other keys, which a provider may choose.
func (e logEntry) attrs() (message string, attrs []slog.Attr) {
	for _, key := range slices.Sorted(maps.Keys(e)) {
		if !strings.HasPrefix(key, "@") {
			attrs = append(attrs, slog.String(key, textOf(e[key])))
		}
	}
	return textOf(e["@message"]), attrs
}

// textOf is a string, or another value in JSON.
func textOf(value json.RawMessage) string {
	var text string
	if value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// silence has nothing to read, and ends when all that a program said was taken:
// go-plugin waits for that before it lets go of the process.
type silence struct{ over <-chan struct{} }

// Read implements io.Reader.
func (s silence) Read([]byte) (int, error) {
	<-s.over
	return 0, io.EOF
}

// Close implements io.Closer.
func (silence) Close() error { return nil }
