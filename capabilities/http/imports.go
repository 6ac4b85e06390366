package wasihttp

import (
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/internal/wits"
	"github.com/writ-host/writ/wit"
)

// The interfaces, and the resources by which their handles are known.
var (
	types    = wits.Interface("wasi:http/types")
	outgoing = wits.Interface("wasi:http/outgoing-handler")

	fieldsResource         = types.Resource("fields")
	incomingRequestType    = types.Resource("incoming-request")
	outgoingRequestType    = types.Resource("outgoing-request")
	requestOptionsType     = types.Resource("request-options")
	responseOutparamType   = types.Resource("response-outparam")
	incomingResponseType   = types.Resource("incoming-response")
	incomingBodyType       = types.Resource("incoming-body")
	futureTrailersType     = types.Resource("future-trailers")
	outgoingResponseType   = types.Resource("outgoing-response")
	outgoingBodyType       = types.Resource("outgoing-body")
	futureResponseResource = types.Resource("future-incoming-response")
)

// HTTP is the http capability.
type HTTP struct {
	config  Config
	imports []capabilities.Import
}

// New makes the capability.
func New(config Config) (*HTTP, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	h := &HTTP{config: config.withDefaults()}
	h.imports = []capabilities.Import{
		{Interface: types, Funcs: h.typesFuncs()},
		{Interface: outgoing, Funcs: h.outgoingFuncs()},
	}
	return h, nil
}

// Name implements capabilities.Capability.
func (h *HTTP) Name() string { return "http" }

// Imports implements capabilities.Capability.
func (h *HTTP) Imports() []capabilities.Import { return h.imports }

// Handler is the interface that a component exports to be served.
func Handler() *wit.Interface { return wits.Interface("wasi:http/incoming-handler") }

// typesFuncs only handle what the guest already has, so they take no grant.
func (h *HTTP) typesFuncs() map[string]capabilities.Func {
	all := map[string]capabilities.Func{}
	for _, funcs := range []map[string]wit.HostFunc{
		h.fieldFuncs(), requestFuncs(), responseFuncs(), bodyFuncs(),
		outgoingRequestFuncs(), optionsFuncs(), incomingResponseFuncs(),
	} {
		for name, run := range funcs {
			all[name] = capabilities.Func{Run: run}
		}
	}
	return all
}
