package main

import "testing"

func TestDocument(t *testing.T) {
	d := newDictionary(settings{Words: []string{"Zürich"}}).NewDocument("Helo wrld, helo Zürich!")
	wrong, err := d.Misspelt()
	if err != nil || len(wrong) != 3 || wrong[0] != "Helo" {
		t.Errorf("misspelt %q (%v)", wrong, err)
	}
	if n := d.Replace("helo", "hello"); n != 1 || d.Text() != "Helo wrld, hello Zürich!" {
		t.Errorf("replaced %d: %s", n, d.Text())
	}
}

func TestCheck(t *testing.T) {
	d := newDictionary(settings{MaxText: 10})
	if v, err := d.Check("Hello"); err != nil || !v.Correct {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := d.Check("helo"); err != nil || v.Misspelt == nil || (*v.Misspelt)[0] != (suggestion{"hello", 1}) {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := d.Check("a rather long word"); err != tooLong {
		t.Error(err)
	}
}
