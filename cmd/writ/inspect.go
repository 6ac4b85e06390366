package main

import (
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/host"
)

// maxInspected bounds what writ inspect reads, in bytes.
const maxInspected = 1 << 30

func inspectCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect COMPONENT.wasm",
		Short: "Show a component's imports and exports as WIT, its size, digest and the tools that built it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := writ.ReadComponent(cmd.Context(), args[0], maxInspected)
			if err != nil {
				return err
			}
			info, err := host.Inspect(bytes, maxInspected)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return writeInfo(cmd.OutOrStdout(), info, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

// inspection is what writ inspect --json writes.
type inspection struct {
	Digest  string   `json:"digest"`
	Size    int      `json:"size"` // bytes
	Tools   []string `json:"tools"`
	Imports []string `json:"imports"`
	Exports []string `json:"exports"`
	WIT     string   `json:"wit"`
}

func writeInfo(w io.Writer, info *host.Info, asJSON bool) error {
	text := info.WIT()
	if asJSON {
		out := inspection{Digest: info.Digest, Size: info.Size, Tools: append([]string{}, info.Tools...),
			Imports: []string{}, Exports: []string{}, WIT: text}
		for _, i := range info.World.Imports {
			out.Imports = append(out.Imports, i.Name)
		}
		for _, e := range info.World.Exports {
			out.Exports = append(out.Exports, e.Name)
		}
		return writeJSON(w, out)
	}
	fmt.Fprintf(w, "// size    %s (%d bytes)\n// digest  %s\n", humanize.IBytes(uint64(info.Size)), info.Size, info.Digest)
	for _, t := range info.Tools {
		fmt.Fprintf(w, "// %s\n", printable(t)) // whoever built it wrote that
	}
	_, err := fmt.Fprintf(w, "\n%s", text)
	return err
}
