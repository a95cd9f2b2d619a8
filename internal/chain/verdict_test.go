package chain_test

import (
	"testing"

	"github.com/oauthcore/oauthcore/internal/chain"
)

func TestAction(t *testing.T) {
	const (
		rf = chain.Refuse
		ro = chain.Rotate
		an = chain.Answer
		en = chain.End
		re = chain.Reread
	)
	// Each row has, for a code and then for a refresh token: no doubt and first, in doubt, again, both.
	for v, want := range map[chain.Verdict][8]chain.Action{
		chain.Unproven:    {rf, rf, rf, rf, rf, rf, rf, rf},
		chain.Current:     {ro, ro, ro, ro, ro, ro, ro, ro},
		chain.Retry:       {an, an, an, an, an, an, an, an},
		chain.Reuse:       {en, en, en, en, en, rf, en, rf},
		chain.Newer:       {re, re, rf, rf, re, re, rf, rf},
		chain.Verdict(99): {rf, rf, rf, rf, rf, rf, rf, rf},
	} {
		for i, want := range want {
			kind := []chain.Kind{chain.Code, chain.Refresh}[i/4]
			doubt, again := i%2 == 1, i/2%2 == 1
			if got := v.Action(kind, doubt, again); got != want {
				t.Errorf("Action of verdict %d on kind %d, doubt %v, again %v = %v, want %v", v, kind, doubt, again, got, want)
			}
		}
	}
	t.Run("the zero values refuse", func(t *testing.T) {
		var v chain.Verdict
		var a chain.Action
		if v != chain.Unproven || a != chain.Refuse || v.Action(chain.Code, false, false) != chain.Refuse {
			t.Errorf("zero verdict %v, zero action %v", v, a)
		}
	})
}
