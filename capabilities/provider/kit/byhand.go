package kit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/writ-host/writ/capabilities/provider"
)

// What a program may say of itself: a traceback is longer.
const (
	maxSentence = 500 // bytes
	maxLines    = 5
)

// startedByHand starts the program without a host: with nothing in its
// environment, and with everything but the variable that says who asks.
func startedByHand(b *bench) error {
	for _, rest := range []bool{false, true} {
		r, err := provider.StartByHand(b.ctx, b.config, rest)
		if err == nil {
			err = saysSoAndEnds(r)
		}
		if err != nil {
			return fmt.Errorf("without WRIT_PROVIDER: %w", err)
		}
	}
	return nil
}

func saysSoAndEnds(r provider.ByHand) error {
	said := strings.TrimSpace(r.Said)
	switch {
	case r.Serving:
		return errors.New("it serves whoever started it")
	case !r.Ended:
		return errors.New("it goes on")
	case r.Status == 0:
		return errors.New("it ends with status 0, as if it had done something")
	case said == "":
		return fmt.Errorf("it ends with status %d and says nothing", r.Status)
	case len(said) > maxSentence || strings.Count(said, "\n") >= maxLines:
		return fmt.Errorf("want a sentence that says what the program is, and it says %d bytes that begin with %.100q", len(said), said)
	case r.Status < 0:
		return errors.New("it ends by a signal")
	}
	return nil
}
