// Package kit checks a provider against every rule of the protocol and of the
// services that it offers: what writ provider test runs.
//
// Start with [Run]; rules.go lists the rules. A rule talks to a real process,
// launched and held in as a host would do it. It writes into the provider's
// stores and calls its functions with made-up values, so it is for tests only.
package kit
