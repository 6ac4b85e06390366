package writ

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/wit"
)

// maxToolResult bounds what one call gives back to an agent, in bytes of JSON.
const maxToolResult = 4 << 20

// ServeMCP serves the functions that the app's components export as tools of
// the Model Context Protocol, one message a line, until the client leaves or ctx
// ends. Each call has a fresh instance, which reaches what the component was
// granted, and nothing else.
func (h *Host) ServeMCP(ctx context.Context, in io.ReadCloser, out io.WriteCloser) error {
	o, end, err := h.offerTools(ctx, h.log)
	if err != nil {
		return err
	}
	defer end()
	err = o.server.Run(ctx, &mcp.IOTransport{Reader: in, Writer: out})
	if errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// offerTools makes a server of the tools of the edition in force, whichever that
// is, until the function that it returns is called. log is told who connects.
func (h *Host) offerTools(ctx context.Context, log *slog.Logger) (o *toolOffer, end func(), err error) {
	server := mcp.NewServer(&mcp.Implementation{Name: h.app.Manifest.Name, Version: "writ"}, &mcp.ServerOptions{
		Logger: log, Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{ListChanged: true}}})
	o = &toolOffer{host: h, server: server}
	if err := o.set(h.edition.Load()); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		h.eachEdition(ctx, o.follow)
	}()
	return o, func() { cancel(); <-followed }, nil
}

// toolOffer is what clients are told that they can call.
type toolOffer struct {
	host   *Host
	server *mcp.Server
	names  []string
}

// set offers the functions of an edition, and no longer those of the one before.
func (o *toolOffer) set(e *edition) error {
	tools, err := e.tools()
	if err != nil {
		return err
	}
	before := map[string]bool{}
	for _, name := range o.names {
		before[name] = true
	}
	o.names = nil
	for _, t := range tools {
		o.names = append(o.names, t.name)
		delete(before, t.name)
		o.server.AddTool(t.about, o.handler(t))
	}
	for name := range before {
		o.server.RemoveTools(name)
	}
	return nil
}

// follow offers what each edition has for as long as it is in force.
func (o *toolOffer) follow(ctx context.Context, e *edition) {
	if err := o.set(e); err != nil {
		o.host.log.Error("the new version's tools are not offered", "app", e.app.Manifest.Name, "error", err)
	}
	<-ctx.Done()
}

func (o *toolOffer) handler(t tool) mcp.ToolHandler {
	return func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		run := toolRun{id: o.host.ids.next(), tool: t, began: time.Now()}
		result, err := o.host.callTool(ctx, &run, r.Params.Arguments)
		o.host.toolCalled(run, err)
		if err != nil {
			result = &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: err.Error()}}}
		}
		return result, nil
	}
}

// toolRun is one call of a tool.
type toolRun struct {
	id    string
	tool  tool
	began time.Time
}

// callTool calls a tool once, with what the edition in force has for it.
func (h *Host) callTool(ctx context.Context, run *toolRun, arguments json.RawMessage) (*mcp.CallToolResult, error) {
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.slots }()
	e := h.use()
	defer e.leave()
	r := e.runners[run.tool.component]
	if r == nil {
		return nil, fmt.Errorf("the app has no component %s any more", run.tool.component)
	}
	f, err := r.prepared.Func(run.tool.iface, run.tool.function)
	if err != nil {
		return nil, err
	}
	values, err := toolArguments(f.Type, arguments)
	if err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.wall, r.late)
	defer cancel()
	ctx, endRun := h.traceRun(ctx, "tool "+run.tool.name, r.name)
	result, err := r.callOnce(ctx, run.id, nil, f, values...)
	endRun(failureOf(f, result, err))
	if err != nil {
		r.countTrap(err)
		return nil, err
	}
	return toolResult(f.Type, result)
}

// toolArguments reads a call's arguments as the fields that they look like.
func toolArguments(f *wit.Func, text json.RawMessage) ([]wit.Value, error) {
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	fields := make([]wit.Field, len(f.Params))
	for i, p := range f.Params {
		fields[i] = wit.Field{Name: p.Name, Type: p.Type}
	}
	record, err := wit.ParseJSON(wit.RecordOf(fields...), text)
	if err != nil {
		return nil, err
	}
	return record.Items(), nil
}

// toolResult is what an agent is given: the result as JSON, by itself and as
// text. An error that the function returned is the tool's.
func toolResult(f *wit.Func, result wit.Value) (*mcp.CallToolResult, error) {
	if f.Result == nil {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil
	}
	if !wit.JSONFits(f.Result, result, maxToolResult) {
		return nil, fmt.Errorf("the result is too large: %d bytes of JSON are the most", maxToolResult)
	}
	data, err := wit.JSONValue(f.Result, result)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{"result": data})
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxToolResult:
		return nil, fmt.Errorf("the result has %d bytes, and %d are the most", len(text), maxToolResult)
	}
	return &mcp.CallToolResult{StructuredContent: json.RawMessage(text), Content: []mcp.Content{&mcp.TextContent{Text: string(text)}},
		IsError: result.Kind() == wit.KindResult && result.Case() == 1}, nil
}

// toolCalled records a call. What it was called with is nobody's business.
func (h *Host) toolCalled(run toolRun, err error) {
	e := ledger.Entry{Kind: ledger.Run, Event: ledger.Ended, App: h.app.Manifest.Name, Component: run.tool.component, Name: run.tool.name,
		Detail: "tool " + run.tool.name + ", call " + run.id}
	attributes := []any{"app", e.App, "component", e.Component, "tool", e.Name, "request", run.id, "duration", time.Since(run.began)}
	if err != nil {
		e.Event, e.Reason = ledger.Failed, err.Error()
		h.log.Warn("a tool failed", append(attributes, "error", err)...)
	} else {
		h.log.Info("a tool was called", attributes...)
	}
	h.record(e)
}
