package main

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// dictionary implements the interface: its methods are the functions of words.wit.
type dictionary struct {
	words   map[string]bool
	maxText int
}

// problem is the enum of that name; as an error it is what calls fail with.
type problem string

const tooLong problem = "too-long"

func (p problem) Error() string { return string(p) }

type suggestion struct {
	Word     string
	Distance uint32
}

// verdict is the variant of that name: one of its fields is set.
type verdict struct {
	Correct  bool
	Misspelt *[]suggestion
}

const common = `a about all also am an and any are as at be because but by can come could day do even
every find first for from get give go good guest guestbook have he hello her here him his how i if in
into is it its just know like look make man many me more my new no not now of on one only or other
our out people say see she so some spell take tell than that the their them then there these they
thing think this those time to two up use very want was way we well were what when which who will
with word words world would writ year yes you your`

func newDictionary(s settings) *dictionary {
	d := &dictionary{words: map[string]bool{}, maxText: s.MaxText}
	if d.maxText == 0 {
		d.maxText = 64 << 10
	}
	for _, w := range slices.Concat(strings.Fields(common), s.Words) {
		d.words[strings.ToLower(w)] = true
	}
	return d
}

// Check is check.
func (d *dictionary) Check(word string) (verdict, error) {
	switch {
	case len(word) > d.maxText:
		return verdict{}, tooLong
	case d.has(word):
		return verdict{Correct: true}, nil
	}
	s := d.suggest(strings.ToLower(word))
	return verdict{Misspelt: &s}, nil
}

func (d *dictionary) has(word string) bool { return d.words[strings.ToLower(word)] }

// suggest finds words that are one or two letters away.
func (d *dictionary) suggest(word string) []suggestion {
	found := []suggestion{}
	if utf8.RuneCountInString(word) > 32 {
		return found
	}
	for w := range d.words {
		if n := distance(word, w); n <= 2 {
			found = append(found, suggestion{w, uint32(n)})
		}
	}
	slices.SortFunc(found, func(a, b suggestion) int {
		if a.Distance != b.Distance {
			return int(a.Distance) - int(b.Distance)
		}
		return strings.Compare(a.Word, b.Word)
	})
	return found[:min(len(found), 5)]
}

// distance is how many letters change one word into another (Levenshtein).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

// document is the resource of that name.
type document struct {
	of *dictionary

	mu   sync.Mutex
	text string
}

// NewDocument is the constructor of document.
func (d *dictionary) NewDocument(text string) *document { return &document{of: d, text: text} }

// Misspelt is document.misspelt.
func (d *document) Misspelt() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.text) > d.of.maxText {
		return nil, tooLong
	}
	wrong := []string{}
	for _, w := range strings.FieldsFunc(d.text, notInWord) {
		if !d.of.has(w) && !slices.Contains(wrong, w) {
			wrong = append(wrong, w)
		}
	}
	return wrong, nil
}

func notInWord(r rune) bool { return !unicode.IsLetter(r) && r != '\'' }

// Replace is document.replace.
func (d *document) Replace(word, by string) uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	n, rest := uint32(0), d.text
	for rest != "" {
		end := strings.IndexFunc(rest, notInWord)
		if end < 0 {
			end = len(rest)
		}
		w := rest[:end]
		if w == word && w != "" {
			w, n = by, n+1
		}
		_, size := utf8.DecodeRuneInString(rest[end:])
		b.WriteString(w + rest[end:end+size])
		rest = rest[end+size:]
	}
	d.text = b.String()
	return n
}

// Text is document.text.
func (d *document) Text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text
}
