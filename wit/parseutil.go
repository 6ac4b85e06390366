package wit

import "fmt"

// keywords are the words that are no names unless written with %.
var keywords = map[string]bool{
	"as": true, "async": true, "bool": true, "borrow": true, "char": true, "constructor": true,
	"enum": true, "export": true, "f32": true, "f64": true, "flags": true, "from": true, "func": true,
	"future": true, "import": true, "include": true, "interface": true, "list": true, "map": true,
	"option": true, "own": true, "package": true, "record": true, "resource": true, "result": true,
	"s16": true, "s32": true, "s64": true, "s8": true, "static": true, "stream": true, "string": true,
	"tuple": true, "type": true, "u16": true, "u32": true, "u64": true, "u8": true, "use": true,
	"variant": true, "with": true, "world": true,
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lexer.next()
	return err
}

func (p *parser) here() position { return position{p.file, p.tok.pos} }

// isKeyword reports whether the next token is the word, not escaped.
func (p *parser) isKeyword(word string) bool {
	return p.tok.kind == '%' && p.tok.text == word && !p.tok.escaped
}

// keyword reads the word.
func (p *parser) keyword(word string) error {
	if !p.isKeyword(word) {
		return p.unexpected(word)
	}
	return p.advance()
}

// expect reads a token of the kind.
func (p *parser) expect(kind rune) error {
	if p.tok.kind != kind {
		return p.unexpected(describeKind(kind))
	}
	return p.advance()
}

// accept reads a token of the kind if it comes next.
func (p *parser) accept(kind rune) (bool, error) {
	if p.tok.kind != kind {
		return false, nil
	}
	return true, p.advance()
}

func describeKind(kind rune) string {
	switch kind {
	case '%':
		return "a name"
	case '0':
		return "a number"
	case '"':
		return "a string"
	case tokenArrow:
		return "->"
	case 0:
		return "the end of the file"
	}
	return string(kind)
}

func (p *parser) unexpected(want string) error {
	got := describeKind(p.tok.kind)
	if p.tok.kind == '%' || p.tok.kind == '0' {
		got = fmt.Sprintf("%q", p.tok.text)
	}
	return p.here().errorf("want %s, got %s", want, got)
}

// name reads an identifier that is not a bare keyword.
func (p *parser) name() (string, error) {
	if p.tok.kind != '%' {
		return "", p.unexpected("a name")
	}
	if keywords[p.tok.text] && !p.tok.escaped {
		return "", p.here().errorf("%q is a keyword: write %%%s to use it as a name", p.tok.text, p.tok.text)
	}
	text := p.tok.text
	return text, p.advance()
}

// braces reads { items }.
func (p *parser) braces(item func() error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	for p.tok.kind != '}' {
		if p.tok.kind == 0 {
			return p.unexpected("}")
		}
		if err := item(); err != nil {
			return err
		}
	}
	return p.advance()
}

// separated reads items between open and end with commas between them; the
// last may have one too.
func (p *parser) separated(open, end rune, item func() error) error {
	if err := p.expect(open); err != nil {
		return err
	}
	for p.tok.kind != end {
		if err := item(); err != nil {
			return err
		}
		comma, err := p.accept(',')
		if err != nil {
			return err
		}
		if !comma {
			break
		}
	}
	return p.expect(end)
}
