package wit

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// File is one file of WIT text.
type File struct {
	Name string // slash-separated path; errors quote it
	Text string
}

// token is one token of WIT text. Its kind is '%' for an identifier, '0' for
// an integer, '"' for a string, 0 at the end, '>' doubled as '→' for "->",
// and the character itself for the other operators.
type token struct {
	kind    rune
	text    string // identifier without its %, or digits
	escaped bool   // the identifier was written with %, so it is no keyword
	pos     int    // byte offset
	doc     string // documentation comment before the token
}

const tokenArrow = '→'

// position is a place in a file.
type position struct {
	file   *File
	offset int
}

// errorf is an error that begins with file:line:column.
func (p position) errorf(format string, args ...any) error {
	before := p.file.Text[:p.offset]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Errorf("%s:%d:%d: %w", p.file.Name, line, column, fmt.Errorf(format, args...))
}

// lexer cuts a file into tokens, on demand.
type lexer struct {
	file *File
	at   int // byte offset of what was not read yet
}

func (l *lexer) rest() string { return l.file.Text[l.at:] }

func (l *lexer) errorf(format string, args ...any) error {
	return position{l.file, l.at}.errorf(format, args...)
}

// next reads a token. WIT, "Lexical structure".
func (l *lexer) next() (token, error) {
	doc, err := l.space()
	if err != nil {
		return token{}, err
	}
	t := token{pos: l.at, doc: doc}
	switch s := l.rest(); {
	case s == "":
	case strings.HasPrefix(s, "->"):
		t.kind, l.at = tokenArrow, l.at+2
	case strings.IndexByte("=,:;(){}<>*/.@", s[0]) >= 0:
		t.kind, l.at = rune(s[0]), l.at+1
	case s[0] == '_' && (len(s) == 1 || !isWord(s[1])):
		t.kind, l.at = '_', l.at+1
	case isDigit(s[0]):
		t.kind, t.text = '0', s[:span(s, isDigit)]
		l.at += len(t.text)
	case s[0] == '"':
		err = l.quoted(&t)
	default:
		err = l.identifier(&t)
	}
	return t, err
}

// identifier reads a kebab-case name. WIT, "WIT Identifiers".
func (l *lexer) identifier(t *token) error {
	s := l.rest()
	t.escaped = s[0] == '%'
	s = strings.TrimPrefix(s, "%")
	t.kind, t.text = '%', s[:span(s, isWord)]
	if t.text == "" {
		r, _ := utf8.DecodeRuneInString(s)
		return l.errorf("unexpected character %q", r)
	}
	if len(t.text) > maxName {
		return l.errorf("a name of %d bytes, more than %d", len(t.text), maxName)
	}
	if !isKebab(t.text) {
		return l.errorf("%q is not a kebab-case name", t.text)
	}
	l.at = len(l.file.Text) - len(s) + len(t.text)
	return nil
}

// isKebab reports whether s is words with hyphens between them, each of
// letters of one case and digits, a letter first of all.
func isKebab(s string) bool {
	if s == "" || isDigit(s[0]) {
		return false
	}
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || word != strings.ToLower(word) && word != strings.ToUpper(word) {
			return false
		}
	}
	return true
}

// quoted reads a string without interpreting its escapes.
func (l *lexer) quoted(t *token) error {
	s := l.rest()
	for i := 1; i < len(s) && s[i] != '\n'; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			t.kind, t.text = '"', s[1:i]
			l.at += i + 1
			return nil
		}
	}
	return l.errorf("string is not closed on its line")
}

// version reads a semantic version right where the lexer stands. A dot that
// no digit or letter follows ends it, as in @0.2.0.{name}.
func (l *lexer) version() (string, error) {
	if _, err := l.space(); err != nil {
		return "", err
	}
	s := l.rest()
	n := 0
	for n < len(s) && (isWord(s[n]) || s[n] == '+' || s[n] == '.' && n+1 < len(s) && isWord(s[n+1])) {
		n++
	}
	if !validVersion(s[:n]) {
		return "", l.errorf("%q is not a semantic version", s[:n])
	}
	l.at += n
	return s[:n], nil
}

// space skips white space and comments and returns the documentation in them.
func (l *lexer) space() (doc string, err error) {
	var lines []string
	for {
		s := l.rest()
		switch {
		case strings.HasPrefix(s, "//"):
			line, _, _ := strings.Cut(s, "\n")
			l.at += len(line)
			if text, ok := strings.CutPrefix(line, "///"); ok {
				lines = append(lines, strings.TrimSpace(text))
			}
		case strings.HasPrefix(s, "/*"):
			comment, err := l.block()
			if err != nil {
				return "", err
			}
			lines = append(lines, blockDoc(comment)...)
		case s != "" && strings.IndexByte(" \n\r\t", s[0]) >= 0:
			l.at++
		default:
			return strings.Join(lines, "\n"), nil
		}
	}
}

// block reads a block comment; they nest.
func (l *lexer) block() (string, error) {
	s := l.rest()
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth, i = depth+1, i+1
		case "*/":
			depth, i = depth-1, i+1
		}
		if depth == 0 {
			l.at += i + 1
			return s[:i+1], nil
		}
	}
	return "", l.errorf("comment is not closed")
}

// blockDoc is the documentation in a /** comment, nil for another one.
func blockDoc(comment string) []string {
	text, ok := strings.CutPrefix(comment, "/**")
	if !ok || len(comment) < len("/***/") {
		return nil
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSuffix(text, "*/")) {
		line = strings.TrimSpace(line)
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(line, "*")))
	}
	return lines
}

// span is the length of the longest prefix of bytes that ok accepts.
func span(s string, ok func(byte) bool) int {
	for i := range len(s) {
		if !ok(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-'
}
