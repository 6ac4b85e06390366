// Package capabilities is what all capabilities have in common: how one
// offers interfaces to components, and the [Guard] that asks the broker before
// any host function runs.
//
// Start with [Capability] and [Func]; [Instance] is what a host function knows
// of its caller. A capability lives through three moments: its own New, once
// per process; the first call of an [Instance], once per component instance;
// and the end of the instance, for which it registers with [Instance.OnEnd].
//
// The package never decides anything itself, and never runs a component.
package capabilities
