package registry

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkText accepts text of at most max bytes that people will read, over several lines if lines is true.
// Control characters and those that reorder or hide text are refused: a name is what someone trusts on a
// consent page.
func checkText(s string, max int, lines bool) error {
	switch {
	case len(s) > max:
		return fmt.Errorf("got %d bytes, wanted at most %d", len(s), max)
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a space")
	}
	var last rune
	for _, r := range s {
		switch {
		case (r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r)) && last > unicode.MaxLatin1:
			// Joiners and variants, which scripts and emoji need. Elsewhere they make two names of one.
		case strings.ContainsRune(blank, r), unicode.Is(unicode.Variation_Selector, r),
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return fmt.Errorf("has the character %U, which shows as nothing", r)
		case unicode.IsGraphic(r), lines && (r == '\n' || r == '\r' || r == '\t'):
		default:
			return fmt.Errorf("has the character %U, which is not printed", r)
		}
		last = r
	}
	return nil
}

// blank are symbols that show as nothing: the empty patterns of Braille and of musical notation.
const blank = "\u2800\U0001d159"

// checkContacts accepts email addresses.
func checkContacts(contacts []string) error {
	if len(contacts) > maxContacts {
		return fmt.Errorf("got %d, wanted at most %d", len(contacts), maxContacts)
	}
	for _, c := range contacts {
		if a, err := mail.ParseAddress(c); err != nil || a.Address != c || len(c) > 254 {
			return fmt.Errorf("%.100q is not an email address", c)
		}
	}
	return nil
}

func checkCategories(categories []string) error {
	if len(categories) > maxCategories {
		return fmt.Errorf("got %d, wanted at most %d", len(categories), maxCategories)
	}
	for i, c := range categories {
		if err := checkText(c, maxCategory, false); err != nil {
			return fmt.Errorf("%.100q %w", c, err)
		}
		if c == "" || slices.Contains(categories[:i], c) {
			return fmt.Errorf("%q is empty or comes twice", c)
		}
	}
	return nil
}
