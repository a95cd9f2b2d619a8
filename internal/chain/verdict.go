package chain

// Verdict is what a credential is to a grant.
type Verdict uint8

const (
	Unproven Verdict = iota // not this grant's, or not to be told from garbage: nothing follows from it
	Current                 // the one credential that may be used now
	Retry                   // used before, within the grace: its successor is known and still the current one
	Reuse                   // used before
	Newer                   // of this family, but later than the record: the record was read too early
)

// String returns the verdict as one lower-case word.
func (v Verdict) String() string {
	return [...]string{"unproven", "current", "retry", "reuse", "newer"}[v]
}

// Action is what a request does with a credential, once everything else in the request was found right:
// client, tenant, sender binding, redirect URI, PKCE and scope.
type Action uint8

const (
	Refuse Action = iota // answer invalid_grant, write nothing
	Rotate               // build the answer with the successor, swap the record, then answer
	Answer               // answer with the successor that was known before, write nothing
	End                  // swap the grant to ended at the version that was judged, then answer invalid_grant
	Reread               // read the record again and judge it once more
)

// String returns the action as one lower-case word.
func (a Action) String() string {
	return [...]string{"refuse", "rotate", "answer", "end", "reread"}[a]
}

// Action says what follows from a verdict on a credential of that kind. A request that meets a conflict
// when it rotates or ends judges what is stored then and asks again.
//
// Doubt is whether a rotation by this request may have happened without its knowledge. It keeps a refresh
// token from ending its grant. The write that ends a grant raises no doubt: an end stays, so a grant that
// is alive did not see it. Again is whether this request has read a second time because of [Reread].
func (v Verdict) Action(kind Kind, doubt, again bool) Action {
	switch {
	case v == Current:
		return Rotate
	case v == Retry:
		return Answer
	case v == Newer && !again:
		return Reread
	case v == Reuse && (kind == Code || !doubt): // TestAction
		return End
	}
	return Refuse
}
