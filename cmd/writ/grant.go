package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

func grantCommand() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "grant", Short: "List, add and revoke grants; a running host takes changes up within a second",
		// An unknown subcommand is an error, where cobra would show help and succeed.
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.PersistentFlags().StringVarP(&file, "file", "f", ".", "the app's directory, or its grants.json; where there is none, the one app below that has run")
	c.AddCommand(grantList(&file), grantAdd(&file), grantRevoke(&file))
	return c
}

// grantsPath is the file that a command is about. Where nobody named it and no app
// is, it is that of the one app below that has run: a person who started it from
// here means that one.
func grantsPath(cmd *cobra.Command, file string) (string, error) {
	path, err := writ.GrantsPath(file)
	if err == nil || cmd.Flags().Changed("file") {
		return path, err
	}
	switch ran := writ.AppsThatRan(file); len(ran) {
	case 0:
		return "", err
	case 1:
		return writ.GrantsPath(ran[0])
	default:
		return "", fmt.Errorf("%w: those that have run are %s", err, strings.Join(ran, ", "))
	}
}

func grantList(file *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the grants and denials",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := grantsPath(cmd, *file)
			if err != nil {
				return err
			}
			f, err := broker.ReadGrants(path)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), listed(f))
			}
			return writeGrants(cmd.OutOrStdout(), f)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

// grantListing is what writ grant list --json writes.
type grantListing struct {
	File    string        `json:"file"`
	Grants  []listedGrant `json:"grants"`
	Denials []listedGrant `json:"denials"`
}

type listedGrant struct {
	Line int             `json:"line"`
	Text json.RawMessage `json:"entry"` // as in grants.json
}

func listed(f *broker.GrantFile) grantListing {
	l := grantListing{File: f.Name, Grants: []listedGrant{}, Denials: []listedGrant{}}
	for _, g := range f.Grants {
		l.Grants = append(l.Grants, listedGrant{g.Origin.Line, json.RawMessage(g.JSON())})
	}
	for _, d := range f.Denials {
		same := broker.Grant{ID: d.ID, App: d.App, Component: d.Component, Capability: d.Capability,
			Resource: d.Resource, Operations: d.Operations, Reason: d.Reason}
		l.Denials = append(l.Denials, listedGrant{d.Origin.Line, json.RawMessage(same.JSON())})
	}
	return l
}

func writeGrants(w io.Writer, f *broker.GrantFile) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tCOMPONENT\tCAPABILITY\tOPERATIONS\tRESOURCE\tLINE")
	for _, g := range f.Grants {
		fmt.Fprintf(t, "%s\t%s/%s\t%s\t%s\t%s\t%s%s\n", g.ID, g.App, g.Component, g.Capability, strings.Join(g.Operations, ","), g.Resource, g.Origin, tlsMark(g))
	}
	for _, d := range f.Denials {
		fmt.Fprintf(t, "%s\t%s/%s\t%s\t%s\t%s\t%s denied\n", d.ID, d.App, d.Component, d.Capability, strings.Join(d.Operations, ","), d.Resource, d.Origin)
	}
	return t.Flush()
}

// tlsMark stands beside a grant that does not verify certificates.
func tlsMark(g *broker.Grant) string {
	if g.TLS == broker.Unverified {
		return " TLS NOT VERIFIED"
	}
	return ""
}

func grantAdd(file *string) *cobra.Command {
	var g broker.Grant
	var expires string
	c := &cobra.Command{
		Use:     "add --app APP --component NAME CAPABILITY RESOURCE OPERATION…",
		Short:   "Add a grant",
		Example: "  writ grant add --app guestbook --component web kv 'kv://default/guestbook/**' get set",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.Capability, g.Resource, g.Operations = args[0], args[1], args[2:]
			if expires != "" {
				at, err := time.Parse(time.RFC3339, expires)
				if err != nil {
					return fmt.Errorf("--expires %q: want a time such as 2027-01-01T00:00:00Z", expires)
				}
				g.Expires = at
			}
			path, err := grantsPath(cmd, *file)
			if err != nil {
				return err
			}
			added, err := broker.AddGrant(path, g)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "granted %s (%s)\n", added.ID, added.Origin)
			if added.TLS == broker.Unverified {
				fmt.Fprintf(cmd.OutOrStdout(), "TLS CERTIFICATES ARE NOT VERIFIED: requests under %s go to whoever answers\n", added.ID)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&g.ID, "id", "", "id of the grant (default: made of app, component and capability)")
	f.StringVar(&g.App, "app", "", "name of the app")
	f.StringVar(&g.Component, "component", "", `name of the component, "*" for all of the app's`)
	f.StringVar(&g.Reason, "reason", "", "why it is granted")
	f.StringVar(&g.When, "when", "", "condition data.writ.conditions.NAME that must hold at the call")
	f.StringVar(&expires, "expires", "", "time after which it is void (RFC 3339)")
	f.StringVar(&g.TLS, "tls", "", `"unverified" lets https requests go to whoever answers, whatever certificate that one shows (default: verified)`)
	f.Int64Var(&g.Limits.CallsPerSecond, "calls-per-second", 0, "most calls a second (default: no limit)")
	f.Int64Var(&g.Limits.MaxBytes, "max-bytes", 0, "most bytes one operation may carry (default: no limit)")
	_ = c.MarkFlagRequired("app")       // fails only for an unknown flag
	_ = c.MarkFlagRequired("component") // likewise
	return c
}

func grantRevoke(file *string) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Remove a grant or denial",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := grantsPath(cmd, *file)
			if err != nil {
				return err
			}
			if err := broker.RevokeGrant(path, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "revoked %s (%s)\n", args[0], path)
			return nil
		},
	}
}
