package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/pelletier/go-toml/v2"

	"github.com/writ-host/writ"
)

func (s *spinImport) addTriggers() error {
	for _, kind := range slices.Sorted(maps.Keys(s.spin.Trigger)) {
		for i, t := range s.spin.Trigger[kind] {
			if err := s.addTrigger(kind, i, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *spinImport) addTrigger(kind string, n int, t map[string]any) error {
	place := []string{"trigger", kind, strconv.Itoa(n)}
	line := s.spin.places.line(place...)
	component, err := s.triggered(kind, n, t)
	if err != nil {
		return fmt.Errorf("trigger %s, line %d: %w", kind, line, err)
	}
	if component == "" {
		s.note(line, "trigger %s: it names no component that there is: left out", kind)
		return nil
	}
	switch kind {
	case "http":
		s.addRoute(component, t, place)
	case "command":
		s.triggers = append(s.triggers, "[[trigger.command]]\ncomponent = "+tomlText(component)+"\n")
	case "cron":
		s.note(line, "trigger cron: %s has to export wasi:cli/run here; then write [[trigger.cron]] schedule = %q, component = %q", component, fmt.Sprint(t["cron_expression"]), component)
	default:
		s.note(line, "trigger %s: there is none of that kind here: left out", kind)
	}
	return nil
}

// triggered is the component of a trigger, which may be written within it.
func (s *spinImport) triggered(kind string, n int, t map[string]any) (string, error) {
	switch c := t["component"].(type) {
	case string:
		return s.names[c], nil
	case map[string]any:
		text, err := toml.Marshal(c)
		if err != nil {
			return "", err
		}
		var inline spinComponent
		place := []string{"trigger", kind, strconv.Itoa(n), "component"}
		unknown, err := decodeSpin(text, &inline)
		if err != nil {
			return "", fmt.Errorf("component: %w", err)
		}
		for _, u := range unknown {
			s.note(s.spin.places.line(append(place, u.key)...), "%s is not known here: it was left out", u.key)
		}
		added, err := s.addComponent(kind+"-"+strconv.Itoa(n+1), inline, place...)
		if err != nil {
			return "", err
		}
		return added.name, nil
	}
	return "", nil
}

// addRoute adds a trigger of HTTP. What is in it beside the route may matter.
func (s *spinImport) addRoute(component string, t map[string]any, place []string) {
	var route string
	switch r := t["route"].(type) {
	case string:
		if err := writ.CheckRoute(r); err != nil {
			s.note(s.spin.places.line(append(place, "route")...), "trigger http: %v: left out", err)
			return
		}
		route = tomlText(r)
	case map[string]any:
		if private, _ := r["private"].(bool); private && len(r) == 1 {
			route = "{ private = true }"
		}
	}
	if route == "" {
		s.note(s.spin.places.line(append(place, "route")...), "trigger http: route is neither a path nor { private = true }: left out")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		line := s.spin.places.line(append(slices.Clone(place), key)...)
		switch executor, _ := t[key].(map[string]any); {
		case key == "route", key == "component", key == "id", key == "executor" && executor["type"] != "wagi":
		case key == "executor":
			s.note(line, "trigger http: %s is for Wagi, which writ does not speak: it has to be a component of wasi:http", component)
		default:
			s.note(line, "trigger http: %s was left out", key)
		}
	}
	s.triggers = append(s.triggers, "[[trigger.http]]\nroute     = "+route+"\ncomponent = "+tomlText(component)+"\n")
}
