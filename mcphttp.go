package writ

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// ToolsPath is where tools are served, behind the address that is listened on.
	ToolsPath = "mcp"

	maxToolCall = 4 << 20 // bytes of a message, its arguments included

	maxToken = 4 << 10 // bytes of the file
	minToken = 16
)

// ReadToken reads the secret that agents prove to be allowed with, from a file
// of which a line break at the end is no part.
func ReadToken(path string) (string, error) {
	if err := fillIn(&path); err != nil {
		return "", err
	}
	text, err := readAtMost(path, maxToken)
	if err != nil {
		return "", err
	}
	token := strings.TrimRight(string(text), "\r\n")
	if len(token) < minToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s: want a token of at least %d visible ASCII characters in one line, as openssl rand -hex 32 makes", path, minToken)
	}
	return token, nil
}

// CheckTools refuses to serve tools at an address that can be reached from other
// machines, without a token.
func CheckTools(a net.Addr, token string) error {
	at, err := netip.ParseAddrPort(a.String())
	if token != "" || a.Network() == "unix" || err == nil && at.Addr().Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("everyone who can reach %v could call the tools: want a token (--token-file), or an address such as 127.0.0.1:3001", a)
}

// ServeMCPOverHTTP serves what ServeMCP does by the protocol's streamable HTTP,
// without sessions, until ctx ends. Agents have to send the token, if there is
// one, as a bearer (RFC 6750, section 2.1).
func (h *Host) ServeMCPOverHTTP(ctx context.Context, l net.Listener, token string) error {
	if err := CheckTools(l.Addr(), token); err != nil {
		return err
	}
	o, end, err := h.offerTools(ctx, nil)
	if err != nil {
		return err
	}
	defer end()
	tools := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return o.server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: min(maxToolCall, int64(h.app.Config.Limits.RequestBody)), PropagateRequestCancellation: true})
	mux := http.NewServeMux()
	mux.Handle("/"+ToolsPath, h.asked(token, http.NewCrossOriginProtection().Handler(tools)))
	return h.serveHandler(ctx, l, mux)
}

// asked lets in who has the token, for as long as a call may take.
func (h *Host) asked(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		setDeadlines(w, began.Add(answerTimeout))
		if token != "" && !bears(r.Header.Get("Authorization"), token) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="writ"`)
			http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
			return
		}
		setDeadlines(w, began.Add(h.longestCall()+answerTimeout))
		next.ServeHTTP(w, r)
	})
}

// bears reports whether a header has the token, in a time that does not tell how much of it.
func bears(header, token string) bool {
	scheme, said, ok := strings.Cut(header, " ")
	return ok && strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(said)), []byte(token)) == 1
}

// longestCall is how long a call may take, its wait for a turn included.
func (h *Host) longestCall() time.Duration {
	e := h.use()
	defer e.leave()
	var wall time.Duration
	for _, r := range e.runners {
		wall = max(wall, r.wall)
	}
	return wall + time.Duration(h.app.Config.Limits.QueueTime)
}
