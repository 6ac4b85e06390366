package writ

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/pelletier/go-toml/v2"
)

// maxConfigFile bounds a configuration file, in bytes.
const maxConfigFile = 1 << 20

// readTOML reads a file into v. An unknown key is an error, as is everything
// else that would be silently ignored; errors name file, line and column.
func readTOML(path string, v any) error {
	_, err := readTOMLText(path, v)
	return err
}

// readTOMLText also returns what it read.
func readTOMLText(path string, v any) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxConfigFile {
		return nil, fmt.Errorf("%s: %s is more than a configuration file may have (%s)", path,
			humanize.IBytes(uint64(info.Size())), humanize.IBytes(maxConfigFile))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().EnableUnmarshalerInterface()
	return text, tomlError(path, d.Decode(v))
}

func tomlError(path string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		line, column := first.Position()
		return fmt.Errorf("%s:%d:%d: unknown key %s", path, line, column, strings.Join(first.Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, column := bad.Position()
		return fmt.Errorf("%s:%d:%d: %s", path, line, column, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Size is a number of bytes, written as "64MiB".
type Size uint64

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil {
		return fmt.Errorf("size %q: want a number with a unit, such as 64MiB", text)
	}
	*s = Size(n)
	return nil
}

// String writes the size as it is read.
func (s Size) String() string { return strings.ReplaceAll(humanize.IBytes(uint64(s)), " ", "") }

// Duration is a time span, written as "30s" or "1m30s".
type Duration time.Duration

// UnmarshalText reads a duration, which must be positive.
func (d *Duration) UnmarshalText(text []byte) error {
	n, err := time.ParseDuration(string(text))
	if err != nil || n <= 0 {
		return fmt.Errorf("duration %q: want a positive number with a unit, such as 30s", text)
	}
	*d = Duration(n)
	return nil
}

// String writes the duration as it is read.
func (d Duration) String() string { return time.Duration(d).String() }
