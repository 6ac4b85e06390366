package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

func importCommand() *cobra.Command {
	var into string
	c := &cobra.Command{
		Use:   "import SPIN.toml",
		Short: "Make an app of a manifest for Spin",
		Long: "Make an app of a manifest for Spin (version 2): writ.toml with what it requests, grants.json with what Spin\n" +
			"allowed it, for the operator to review, and host.toml where it needs directories, stores or values. Prints\n" +
			"the line of everything that it could not translate, and what to do. Files that are there are never replaced.",
		Example: "  writ import spin.toml\n  writ import shop/spin.toml --into apps/shop",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return importSpin(cmd.OutOrStdout(), args[0], into)
		},
	}
	c.Flags().StringVar(&into, "into", "", "the directory of the app, made when it is not there (default: that of the manifest)")
	return c
}

// importedFile is a file that is about to be written.
type importedFile struct{ name, text, about string }

func importSpin(out io.Writer, path, into string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "spin.toml")
	}
	spin, notes, err := readSpin(path)
	if err != nil {
		return err
	}
	if into == "" {
		into = filepath.Dir(path)
	}
	dir, err := realDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	target := dir
	if filepath.Clean(into) != filepath.Dir(path) {
		if err := os.MkdirAll(into, 0o777); err != nil {
			return err
		}
		if target, err = realDir(into); err != nil {
			return err
		}
	}
	s, err := translate(spin, notes, dir, target)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	files := s.files()
	if err := checkImported(files); err != nil {
		return fmt.Errorf("%s: what writ would make of it is refused: %w", path, err)
	}
	if err := writeNew(into, files); err != nil {
		return err
	}
	s.report(out, path, into, files)
	return nil
}

func realDir(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

func (s *spinImport) files() []importedFile {
	grants, n := s.grants()
	files := []importedFile{
		{writ.ManifestName, s.manifest(), counted(len(s.components), "component") + ", " + counted(len(s.triggers), "trigger") + ": what the app is and requests"},
		{"grants.json", grants, counted(n, "grant") + ": what Spin allowed it; review them"},
	}
	if host := s.host(); host != "" {
		files = append(files, importedFile{writ.HostConfigName, host, "where its files, stores and values are"})
	}
	return files
}

// checkImported reads the files as writ will, before anything of them is there.
func checkImported(files []importedFile) error {
	dir, err := os.MkdirTemp("", "writ-import-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, []byte(f.text), 0o600); err != nil {
			return err
		}
		switch f.name {
		case writ.ManifestName:
			_, err = writ.ReadManifest(path)
		case writ.HostConfigName:
			_, err = writ.ReadHostConfig(path)
		default:
			_, err = broker.ReadGrants(path)
		}
		if err != nil {
			return errors.New(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
		}
	}
	return nil
}

// writeNew writes files that are not there yet: all of them, or none.
func writeNew(dir string, files []importedFile) error {
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); !errors.Is(err, os.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("%s is there already, and nothing was written: name another directory with --into", filepath.Join(dir, f.name)))
		}
	}
	var written []string
	for _, f := range files {
		err := writeOne(filepath.Join(dir, f.name), f.text)
		if err != nil {
			for _, path := range written {
				err = errors.Join(err, os.Remove(path))
			}
			return err
		}
		written = append(written, filepath.Join(dir, f.name))
	}
	return nil
}

func writeOne(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// maxNotes bounds the notes that are printed.
const maxNotes = 200

func (s *spinImport) report(out io.Writer, path, into string, files []importedFile) {
	for _, f := range files {
		fmt.Fprintf(out, "wrote %s: %s\n", filepath.Join(into, f.name), f.about)
	}
	if len(s.notes) > 0 {
		fmt.Fprintf(out, "\nto look at:\n")
	}
	for i, n := range s.notes {
		if i == maxNotes {
			fmt.Fprintf(out, "  and %d more\n", len(s.notes)-maxNotes)
			break
		}
		fmt.Fprintf(out, "  %s:%d: %s\n", path, n.line, printable(n.text))
	}
	fmt.Fprintf(out, "\nnext: writ plan %s\n", into)
}
