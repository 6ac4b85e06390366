package main

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// spinPlaces are the lines of a document's keys and elements, by their paths.
type spinPlaces map[string]int

// line is that of the longest beginning of a path that the document has.
func (p spinPlaces) line(path ...string) int {
	for ; len(path) > 0; path = path[:len(path)-1] {
		if n, ok := p[placeKey(path)]; ok {
			return n
		}
	}
	return 1
}

func placeKey(path []string) string { return strings.Join(path, "\x00") }

// placesOf finds them in a document, as far as it can be parsed.
func placesOf(text []byte) spinPlaces {
	w := &placeWalk{text: text, line: 1, places: spinPlaces{}, arrays: map[string]int{}}
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table = w.enter(e, false)
		case unstable.ArrayTable:
			table = w.enter(e, true)
		case unstable.KeyValue:
			w.keyValue(table, e, 0)
		}
	}
	return w.places
}

// How deep values within values are looked at, and how long a path may be.
const (
	maxPlaceDepth = 8
	maxPlacePath  = 16
)

type placeWalk struct {
	text   []byte
	offset int // up to which line counts
	line   int
	places spinPlaces
	arrays map[string]int // elements that arrays of tables have had
}

// at is the line of an offset. Offsets come nearly in order.
func (w *placeWalk) at(offset int) int {
	if offset = min(offset, len(w.text)); offset < w.offset {
		return w.line
	}
	w.line += bytes.Count(w.text[w.offset:offset], []byte("\n"))
	w.offset = offset
	return w.line
}

func (w *placeWalk) put(path []string, line int) {
	if key := placeKey(path); w.places[key] == 0 {
		w.places[key] = line
	}
}

// enter is the path of a table's head, with the indexes of the arrays in it.
func (w *placeWalk) enter(e *unstable.Node, array bool) []string {
	var path []string
	for it := e.Key(); it.Next() && len(path) < maxPlacePath; {
		path = append(path, string(it.Node().Data))
		line, key := w.at(int(it.Node().Raw.Offset)), placeKey(path)
		w.put(path, line)
		if array && it.IsLast() {
			w.arrays[key]++
		}
		if n := w.arrays[key]; n > 0 {
			path = append(path, strconv.Itoa(n-1))
			w.put(path, line)
		}
	}
	return path
}

func (w *placeWalk) keyValue(table []string, e *unstable.Node, depth int) {
	path := append([]string(nil), table...)
	for it := e.Key(); it.Next() && len(path) < maxPlacePath; {
		path = append(path, string(it.Node().Data))
		w.put(path, w.at(int(it.Node().Raw.Offset)))
	}
	w.value(path, e.Value(), depth)
}

func (w *placeWalk) value(path []string, v *unstable.Node, depth int) {
	if depth > maxPlaceDepth {
		return
	}
	switch v.Kind {
	case unstable.Array:
		n := 0
		for it := v.Children(); it.Next(); n++ {
			element := append(append([]string(nil), path...), strconv.Itoa(n))
			if offset := int(it.Node().Raw.Offset); offset > 0 {
				w.put(element, w.at(offset))
			}
			w.value(element, it.Node(), depth+1)
		}
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			w.keyValue(path, it.Node(), depth+1)
		}
	}
}
