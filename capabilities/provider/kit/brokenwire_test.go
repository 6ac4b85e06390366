package kit_test

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/writ-host/writ/capabilities/provider/value"
	pb "github.com/writ-host/writ/proto/writ/provider/v1"
	"github.com/writ-host/writ/wit"
	"google.golang.org/grpc"
)

// wireFaults are of providers that get the protocol wrong, with the rule that
// must catch each.
var wireFaults = map[string]string{
	"has no name":                   "describes itself",
	"offers an unknown service":     "describes itself",
	"describes itself differently":  "describes itself the same every time",
	"is configured twice":           "is configured once",
	"takes any setting":             "refuses settings that it does not know",
	"is slow about its health":      "answers about its health at once",
	"goes on without a host":        "ends when standard input closes",
	"answers twice":                 "a channel answers each operation once",
	"answers one operation less":    "a channel answers each operation once",
	"answers another id":            "a channel answers each operation once",
	"ends the channel":              "a channel answers each operation once",
	"has WIT that is none":          "describes WIT that can be bound",
	"offers the host's own":         "describes WIT that can be bound",
	"offers what its WIT lacks":     "describes WIT that can be bound",
	"has other operations":          "describes WIT that can be bound",
	"answers unknown functions":     "refuses functions that it does not have",
	"takes garbage":                 "refuses arguments that are none",
	"dies of garbage":               "refuses arguments that are none",
	"answers bytes too many":        "answers what the types say",
	"answers another type":          "answers what the types say",
	"answers a long number":         "answers what the types say",
	"gives the id 0":                "answers what the types say",
	"dies at the hundredth call":    "answers concurrent callers, each its own",
	"shares resources":              "resources are only their scope's",
	"drops what is another's":       "resources are only their scope's",
	"refuses to drop the unknown":   "a dropped resource is gone",
	"keeps what is dropped":         "a dropped resource is gone",
	"keeps what its scope had":      "an ended scope has no resources",
	"uses ids again":                "ids of resources are not used again",
	"stops when a call is given up": "calls that are given up do no harm",
}

const wireWIT = `package test:wire@1.0.0;
interface boxes {
  resource box {
    constructor(n: u32);
    get: func() -> u32;
  }
  double: func(n: u32) -> u32;
}
`

const wireInterface = "test:wire/boxes@1.0.0"

// wire is a provider on the bare protocol, correct but for one fault.
type wire struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedProviderServer
	pb.UnimplementedCustomServer
	fault string
	iface *wit.Interface

	described, calls atomic.Int32
	configured       atomic.Bool
	boxes            boxes
}

func (w *wire) has(fault string) bool { return w.fault == fault }

func serveBrokenWire(fault string) {
	p, err := wit.Parse(wit.File{Name: "wire.wit", Text: wireWIT})
	if err != nil {
		panic(err)
	}
	w := &wire{fault: fault, iface: p.Interface("test:wire/boxes"), boxes: boxes{of: map[uint64]map[uint64]uint32{}}}
	if os.Getenv("WRIT_PROVIDER") == "" {
		w.byHand()
	}
	if !w.has("goes on without a host") {
		go func() {
			_, _ = os.Stdin.Read(make([]byte, 1))
			os.Exit(1)
		}()
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "WRIT_PROVIDER", MagicCookieValue: "writ.provider.v1"},
		Plugins:         plugin.PluginSet{"provider": w}, GRPCServer: plugin.DefaultGRPCServer,
	})
}

// GRPCServer implements plugin.GRPCPlugin.
func (w *wire) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pb.RegisterProviderServer(s, w)
	pb.RegisterCustomServer(s, w)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (w *wire) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("not here")
}

func (w *wire) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	r := &pb.DescribeResponse{Name: "wire", Version: "1", Services: []string{"Custom"}, Interfaces: []string{wireInterface},
		Wit: []*pb.WITFile{{Name: "wire.wit", Text: wireWIT}}, Resources: []*pb.ResourceKind{{Pattern: wireInterface + "#*", Operations: []string{"call"}}}}
	n := w.described.Add(1)
	switch w.fault {
	case "has no name":
		r.Name = ""
	case "offers an unknown service":
		r.Services = append(r.Services, "Mail")
	case "describes itself differently":
		r.Version = string('0' + rune(n%10))
	case "has WIT that is none":
		r.Wit[0].Text = "package"
	case "offers the host's own":
		r.Interfaces = []string{"wasi:clocks/wall-clock@0.2.0"}
		r.Wit[0].Text = "package wasi:clocks@0.2.0;\ninterface wall-clock { f: func(); }"
	case "offers what its WIT lacks":
		r.Interfaces = append(r.Interfaces, "test:wire/crates@1.0.0")
	case "has other operations":
		r.Resources[0].Operations = []string{"read"}
	}
	return r, nil
}

func (w *wire) Configure(_ context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	if len(r.GetSettingsJson()) > 2 && !w.has("takes any setting") {
		return nil, errors.New("there are no settings")
	}
	if w.configured.Swap(true) {
		if w.has("is configured twice") {
			return &pb.ConfigureResponse{}, nil
		}
		return nil, errors.New("configured twice")
	}
	if len(r.GetDataKey()) == 0 {
		return &pb.ConfigureResponse{}, nil
	}
	path, err := w.listen(r.GetDataKey())
	return &pb.ConfigureResponse{DataSocket: path}, err
}

func (w *wire) Health(context.Context, *pb.HealthRequest) (*pb.HealthResponse, error) {
	if w.has("is slow about its health") {
		time.Sleep(1500 * time.Millisecond)
	}
	return &pb.HealthResponse{Status: pb.HealthResponse_STATUS_SERVING}, nil
}

func (w *wire) Channel(stream pb.Custom_ChannelServer) error {
	return w.operate(stream.Context(), stream.Recv, stream.Send)
}

// operate is a channel, whatever it is on.
func (w *wire) operate(ctx context.Context, recv func() (*pb.CustomRequest, error), send func(*pb.CustomResponse) error) error {
	for {
		m, err := recv()
		if err != nil {
			return err
		}
		r := &pb.CustomResponse{}
		for i, op := range m.GetOperations() {
			one := &pb.CustomResult{Id: op.GetId()}
			switch o := op.GetOperation().(type) {
			case *pb.CustomOperation_Invoke:
				v, err := w.Invoke(ctx, o.Invoke)
				if err != nil {
					return err
				}
				one.Result = &pb.CustomResult_Invoke{Invoke: v}
			case *pb.CustomOperation_Drop:
				v, err := w.Drop(ctx, o.Drop)
				if err != nil {
					return err
				}
				one.Result = &pb.CustomResult_Drop{Drop: v}
			}
			switch {
			case w.has("answers one operation less") && i == 50:
				continue
			case w.has("answers another id") && i == 50:
				one.Id++
			case w.has("answers twice") && i == 50:
				r.Results = append(r.Results, one)
			case w.has("ends the channel") && i == 50:
				return nil
			}
			r.Results = append(r.Results, one)
		}
		if err := send(r); err != nil {
			return err
		}
	}
}

func refuse(code pb.Error_Code, message string) (*pb.InvokeResponse, error) {
	return &pb.InvokeResponse{Error: &pb.Error{Code: code, Message: message}}, nil
}

func (w *wire) Invoke(ctx context.Context, r *pb.InvokeRequest) (*pb.InvokeResponse, error) {
	if n := w.calls.Add(1); n == 100 && w.has("dies at the hundredth call") {
		os.Exit(1)
	}
	if us := r.GetCaller().GetTimeoutUs(); w.has("stops when a call is given up") && us < 50_000 {
		os.Exit(1)
	}
	f := w.iface.Func(r.GetFunction())
	if f == nil || r.GetInterface() != wireInterface {
		if w.has("answers unknown functions") {
			return &pb.InvokeResponse{}, nil
		}
		return refuse(pb.Error_CODE_UNIMPLEMENTED, "no such function")
	}
	args, err := value.DecodeArgs(r.GetArguments(), f, anyID{})
	switch {
	case err != nil && w.has("dies of garbage"):
		os.Exit(1)
	case err != nil && w.has("takes garbage"):
		return &pb.InvokeResponse{Result: []byte{1}}, nil
	case err != nil:
		return refuse(pb.Error_CODE_INVALID, err.Error())
	}
	return w.call(r, args)
}

func (w *wire) call(r *pb.InvokeRequest, args []wit.Value) (*pb.InvokeResponse, error) {
	var n uint64
	switch r.GetFunction() {
	case "double":
		n = uint64(uint32(args[0].Uint()) * 2)
	case "[constructor]box":
		n = w.give(r.GetScope(), uint32(args[0].Uint()))
	default:
		content, ok := w.boxes.find(r.GetScope(), args[0].Handle().Object.(uint64), w.has("shares resources"))
		if !ok {
			return refuse(pb.Error_CODE_INVALID, "no such box")
		}
		n = uint64(content)
	}
	result := uvarint(n)
	switch w.fault {
	case "answers bytes too many":
		result = append(result, 0)
	case "answers another type":
		result = []byte("\x05hello")
	case "answers a long number":
		result[len(result)-1] |= 0x80
		result = append(result, 0)
	}
	return &pb.InvokeResponse{Result: result}, nil
}

func TestBrokenWiresAreCaught(t *testing.T) {
	for fault, rule := range wireFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			catches(t, rule, "broken-wire", fault)
		})
	}
}

// The provider without a fault passes.
func TestTheWireOfTheseTestsIsCorrect(t *testing.T) {
	passes(t, config("broken-wire", ""))
}
