package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/graph-gophers/graphql-go"
)

const schema = `
type Query {
	# A page of the events, the first being page 0.
	events(page: Int = 0, size: Int = 10): EventPage!
}

type EventPage {
	totalCount: Int!
	data: [Event!]!
}

type Event {
	id: ID!
	name: Name!
	starts: String!
}

# A name in each language that it has.
type Name {
	en: String!
	de: String
}
`

type event struct {
	ID     graphql.ID
	Name   name
	Starts string // a date
}

type name struct {
	En string
	De *string
}

type eventPage struct {
	TotalCount int32
	Data       []event
}

// calendar answers queries.
type calendar struct{ schema *graphql.Schema }

func newCalendar() (*calendar, error) {
	opera := "Eröffnung der Oper"
	s, err := graphql.ParseSchema(schema, &query{[]event{
		{"1", name{En: "Opera opening night", De: &opera}, "2030-05-01"},
		{"2", name{En: "Harbour regatta"}, "2030-05-12"},
		{"3", name{En: "Night of museums"}, "2030-06-07"},
	}}, graphql.UseFieldResolvers(), graphql.MaxDepth(8), graphql.MaxSelections(100))
	if err != nil {
		return nil, err
	}
	return &calendar{s}, nil
}

// query is the schema's Query.
type query struct{ events []event }

func (q *query) Events(args struct{ Page, Size int32 }) (eventPage, error) {
	if args.Page < 0 || args.Size < 1 || args.Size > 100 {
		return eventPage{}, errors.New("page must be at least 0, and size 1 to 100")
	}
	n := len(q.events)
	from := min(int64(args.Page)*int64(args.Size), int64(n))
	to := min(from+int64(args.Size), int64(n))
	return eventPage{TotalCount: int32(n), Data: q.events[from:to]}, nil
}

// serve answers a query that was posted as JSON. A fault of the query itself is in the answer's errors, with
// status 200, as GraphQL has it.
func (c *calendar) serve(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&asked); err != nil || asked.Query == "" {
		answer(w, http.StatusBadRequest, graphQLError("the body is not a query in JSON", "BAD_REQUEST"))
		return
	}
	answer(w, http.StatusOK, c.schema.Exec(r.Context(), asked.Query, asked.OperationName, asked.Variables))
}

// graphQLError is the answer to a request that did not get as far as GraphQL.
func graphQLError(message, code string) any {
	type extensions struct {
		Code string `json:"code"`
	}
	type fault struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	return map[string][]fault{"errors": {{message, extensions{code}}}}
}
