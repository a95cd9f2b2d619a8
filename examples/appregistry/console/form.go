package console

import (
	"slices"
	"strings"
)

// field is one field of a form: an input, or a textarea of some rows.
type field struct {
	ID           string // the name of what it holds too
	Label, Hint  string
	Type         string // of an input; empty: text
	Rows         int    // of a textarea; zero: an input
	Value        string
	Optional     bool
	Autocomplete string
	Fault        string
}

// choices is a group of which one may be chosen, or several.
type choices struct {
	ID, Legend, Hint string
	Several          bool
	Options          []option
	Fault            string
}

type option struct {
	Value, Label, Hint string
	Checked            bool
	Fixed              bool // checked, and not to be changed
}

// lines reads a textarea that holds one thing on each line.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// commas reads a field that holds things with commas between.
func commas(text string) (all []string) {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// scopeChoices is the group in which scopes are allowed, the required ones fixed.
func (c *Console) scopeChoices(legend string, all, required, chosen []string) choices {
	g := choices{ID: "scopes", Legend: legend, Several: true}
	for _, s := range all {
		o := option{Value: s, Label: c.words(s), Checked: slices.Contains(chosen, s)}
		if slices.Contains(required, s) {
			o.Checked, o.Fixed, o.Hint = true, true, "the app needs this"
		}
		g.Options = append(g.Options, o)
	}
	return g
}

// chosen reads scopeChoices: of all, those that the form said, and no others. An app that has come to need more
// since the page was shown gets nothing that nobody saw.
func (v *visit) chosen(all []string) []string {
	return append([]string{}, within(all, v.r.PostForm["scopes"])...)
}

// within returns the scopes of all that are among some.
func within(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !slices.Contains(some, s) })
}

// missing returns the scopes of all that are not among some.
func missing(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
