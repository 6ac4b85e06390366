package ledger

import (
	"encoding/json"
	"fmt"
	"time"
)

// opaDecision is an event of OPA's decision log, as its tools read it.
type opaDecision struct {
	Labels    map[string]string `json:"labels"`
	ID        string            `json:"decision_id"`
	Revision  string            `json:"revision"`
	Path      string            `json:"path"`
	Input     opaInput          `json:"input"`
	Result    opaResult         `json:"result"`
	Timestamp time.Time         `json:"timestamp"`
	Metrics   map[string]uint64 `json:"metrics,omitempty"`
}

type opaInput struct {
	App        string `json:"app"`
	Component  string `json:"component"`
	Capability string `json:"capability"`
	Operation  string `json:"operation,omitempty"`
	Resource   string `json:"resource,omitempty"`
}

type opaResult struct {
	Allow  bool   `json:"allow"`
	Grant  string `json:"grant,omitempty"`
	Reason string `json:"reason,omitempty"`
	Count  uint64 `json:"count"`
	Detail string `json:"detail,omitempty"`
}

// OPADecision is a decision as an event of OPA's decision log. Other entries have no such form.
func (e *Located) OPADecision(log string) ([]byte, bool) {
	if e.Kind != Decision {
		return nil, false
	}
	d := opaDecision{
		Labels: map[string]string{"app": "writ", "id": e.Run, "ledger": log, "leaf": fmt.Sprint(e.Leaf)},
		ID:     fmt.Sprintf("%s/%d", e.Run, e.Seq), Revision: fmt.Sprint(e.Revision), Path: "writ/decision",
		Input:     opaInput{e.App, e.Component, e.Capability, e.Operation, e.Resource},
		Result:    opaResult{e.Verdict == Allow, e.Grant, e.Reason, e.Count, e.Detail},
		Timestamp: e.Time,
	}
	if e.Nanos > 0 {
		d.Metrics = map[string]uint64{"timer_rego_query_eval_ns": e.Nanos}
	}
	b, err := json.Marshal(d)
	return b, err == nil
}
