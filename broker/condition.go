package broker

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// condition is a rule of data.writ.conditions, ready to be asked about calls of one component.
type condition struct {
	policy  *policy
	body    ast.Body
	app     *ast.Term
	subject *ast.Term
	timeout time.Duration
}

var (
	appKey        = ast.StringTerm("app")
	componentKey  = ast.StringTerm("component")
	capabilityKey = ast.StringTerm("capability")
	operationKey  = ast.StringTerm("operation")
	resourceKey   = ast.StringTerm("resource")
	bytesKey      = ast.StringTerm("bytes")
	timeKey       = ast.StringTerm("time")
)

// holds asks the rule about one call. Only the answer true is Granted: false is ConditionFalse, and undefined, any other
// value, an error or a late answer is ConditionError.
func (c *condition) holds(ctx context.Context, call *Call, now int64) Reason {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if ctx.Err() != nil {
		return ConditionError
	}
	at := time.Unix(0, now).UTC()
	value, err := c.policy.evaluate(ctx, c.body, ast.NewTerm(c.input(call, at)), at)
	if err != nil || ctx.Err() != nil {
		return ConditionError
	}
	switch value {
	case ast.Boolean(true):
		return Granted
	case ast.Boolean(false):
		return ConditionFalse
	}
	return ConditionError
}

// input is what a condition sees: app and component as the policy sees them at load, and the call.
func (c *condition) input(call *Call, at time.Time) ast.Object {
	return ast.NewObject(
		[2]*ast.Term{appKey, c.app},
		[2]*ast.Term{componentKey, c.subject},
		[2]*ast.Term{capabilityKey, ast.StringTerm(call.Capability)},
		[2]*ast.Term{operationKey, ast.StringTerm(call.Operation)},
		[2]*ast.Term{resourceKey, ast.StringTerm(call.Resource)},
		[2]*ast.Term{bytesKey, ast.IntNumberTerm(int(call.Bytes))},
		[2]*ast.Term{timeKey, ast.StringTerm(at.Format(time.RFC3339Nano))},
	)
}
