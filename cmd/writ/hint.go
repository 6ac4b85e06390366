package main

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
)

// hintFor says what to do about an error, when there is something to say
// beyond the error itself.
func hintFor(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), "writ.toml"):
		return "an app is a directory with a writ.toml; a component is a .wasm file"
	case errors.Is(err, writ.ErrSpin):
		return "writ import spin.toml makes one of it; one of its components alone runs as it is: writ up COMPONENT.wasm"
	case errors.Is(err, writ.ErrNotHTTP):
		return "a program for the command line runs by: writ run COMPONENT.wasm"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program listens there: choose another address with --listen"
	case strings.Contains(err.Error(), "name the app's directory"):
		return "for example: writ grant -f examples/guestbook list"
	case errors.Is(err, writ.ErrWider):
		return "writ audit diff writ.lock APP shows all of it; writ lock APP accepts it"
	case errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), writ.LockName):
		return "writ lock APP writes it"
	case errors.Is(err, writ.ErrNoLedger):
		return "it begins when the app first runs"
	case errors.Is(err, writ.ErrNoShadow):
		return "host.toml names one, for example: [shadow] policies = \"proposed\""
	case strings.Contains(err.Error(), "the component does not export "):
		return "writ inspect COMPONENT.wasm shows what it exports"
	case errors.Is(err, broker.ErrNoSuchGrant):
		return "writ grant list shows the ids"
	}
	return ""
}
