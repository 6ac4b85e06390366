package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is an error of the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// markUsageErrors has errors of arguments and flags be told from those of the work, in a command and all below it.
func markUsageErrors(c *cobra.Command) {
	c.DisableSuggestions = true // they would be lines of the error; the hint has them
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, below := range c.Commands() {
		markUsageErrors(below)
	}
}

// usageHint says how a command is used, when the error is of its use.
func usageHint(c *cobra.Command, err error) string {
	text := err.Error()
	_, rest, unknown := strings.Cut(text, `unknown command "`)
	var usage usageError
	switch {
	case unknown && c.HasSubCommands():
		name, _, _ := strings.Cut(rest, `"`)
		c.SuggestionsMinimumDistance = 2
		if like := c.SuggestionsFor(name); len(like) > 0 {
			return fmt.Sprintf("perhaps %s %s; %s --help lists the commands", c.CommandPath(), like[0], c.CommandPath())
		}
		return c.CommandPath() + " --help lists the commands"
	case errors.As(err, &usage), strings.HasPrefix(text, "required flag(s)"), strings.HasPrefix(text, "if any flags in the group"):
		return fmt.Sprintf("%s; %s --help says more", c.UseLine(), c.CommandPath())
	}
	return ""
}
