package writ

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Pin is the SHA-256 of a provider's program, as host.toml has it.
func Pin(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// PinProviders writes the SHA-256 of providers' programs, as they are now, into
// a host.toml: of those named, or of all. It says what it changed.
func PinProviders(hostPath string, names []string) (changed []string, err error) {
	config := &HostConfig{}
	if err := readTOML(hostPath, config); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(config.Providers))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no [provider.NAME]", hostPath)
	}
	text, err := os.ReadFile(hostPath)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		p, ok := config.Providers[name]
		if !ok {
			return nil, fmt.Errorf("%s has no provider %q", hostPath, name)
		}
		path := p.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(hostPath), path)
		}
		sum, err := Pin(path)
		if err != nil {
			return nil, fmt.Errorf("provider %s: %w", name, err)
		}
		if strings.EqualFold(sum, p.SHA256) {
			continue
		}
		if text, err = setPin(text, name, sum); err != nil {
			return nil, fmt.Errorf("%s: %w", hostPath, err)
		}
		changed = append(changed, fmt.Sprintf("provider %s: pinned %s (%s)", name, sum, p.Path))
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return changed, replaceFile(hostPath, text)
}

var (
	tableLine = regexp.MustCompile(`(?m)^[ \t]*\[.*$`)
	pinLine   = regexp.MustCompile(`(?m)^[ \t]*sha256[ \t]*=[^\n]*$`)
)

// setPin changes one line of the text, or adds it, and leaves all else alone.
func setPin(text []byte, name, sum string) ([]byte, error) {
	head := regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*provider[ \t]*\.[ \t]*(?:"` + name + `"|` + name + `)[ \t]*\][^\n]*$`).FindIndex(text)
	if head == nil {
		return nil, fmt.Errorf("no line [provider.%s] to write the sha256 below: write it so", name)
	}
	end := len(text)
	if next := tableLine.FindIndex(text[head[1]:]); next != nil {
		end = head[1] + next[0]
	}
	line := []byte("sha256 = \"" + sum + "\"")
	if at := pinLine.FindIndex(text[head[1]:end]); at != nil {
		old := text[head[1]+at[0] : head[1]+at[1]]
		equals := slices.Index(old, '=')
		line = []byte(string(old[:equals]) + "= \"" + sum + "\"")
		return slices.Concat(text[:head[1]+at[0]], line, text[head[1]+at[1]:]), nil
	}
	return slices.Concat(text[:head[1]], []byte("\n"), line, text[head[1]:]), nil
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, text []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".writ-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if e := f.Chmod(info.Mode().Perm()); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
