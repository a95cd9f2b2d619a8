package api

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
)

// openAPIBase is the document but for the paths of the route table: what the service is, its schemas, and the
// OAuth endpoints, which are the library's.
//
//go:embed openapi.json
var openAPIBase []byte

// object is a JSON object that is being made.
type object map[string]any

// openAPI answers GET /openapi.json.
func (a *API) openAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Type", "application/json")
	w.Write(a.document)
}

// describe makes the OpenAPI 3.1 document.
func (a *API) describe() ([]byte, error) {
	var doc object
	if err := json.Unmarshal(openAPIBase, &doc); err != nil {
		return nil, err
	}
	doc["servers"] = []object{{"url": a.Root}}
	paths := doc["paths"].(map[string]any)
	for _, rt := range a.routes() {
		methods, ok := paths[rt.path].(object)
		if !ok {
			methods = object{}
			paths[rt.path] = methods
		}
		methods[strings.ToLower(rt.method)] = rt.operation()
	}
	return json.MarshalIndent(doc, "", " ")
}

// operation describes one route.
func (rt *route) operation() object {
	op := object{
		"operationId": rt.operationID(),
		"summary":     rt.summary,
		"tags":        []string{rt.tag()},
		"parameters":  rt.parameters(),
		"security":    []object{},
	}
	responses := object{strconv.Itoa(rt.status()): rt.response()}
	for _, status := range rt.refusals() {
		responses[strconv.Itoa(status)] = ref("responses", "Error")
	}
	op["responses"] = responses
	switch {
	case rt.app:
		op["security"] = []object{{"app": []string{}}}
	case rt.group != "":
		op["security"] = []object{{"person": []string{}}}
		op["x-roles"] = rt.group.Roles()
	}
	if rt.in != "" {
		op["requestBody"] = object{
			"required": !rt.optional,
			"content":  object{"application/json": object{"schema": ref("schemas", rt.in)}},
		}
	}
	return op
}

// tag is the group that the document shows a route in.
func (rt *route) tag() string {
	parts := strings.Split(rt.path, "/")
	return parts[3]
}

// operationID names a route as a function of a client.
func (rt *route) operationID() string {
	id := strings.ToLower(rt.method)
	for part := range strings.FieldsFuncSeq(strings.TrimPrefix(rt.path, prefix), func(r rune) bool { return strings.ContainsRune("/{}-", r) }) {
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}

// parameters are those of path, query and header.
func (rt *route) parameters() []object {
	all := []object{ref("parameters", "RequestID")}
	if strings.Contains(rt.path, "{id}") {
		all = append(all, ref("parameters", "ID"))
	}
	for _, name := range rt.query {
		all = append(all, ref("parameters", name))
	}
	if rt.paged {
		all = append(all, ref("parameters", "cursor"), ref("parameters", "limit"))
	}
	if rt.group == "" && !rt.app {
		return all
	}
	all = append(all, ref("parameters", "TenantID"))
	if rt.method != http.MethodGet {
		all = append(all, ref("parameters", "IdempotencyKey"))
		if rt.tagged && !rt.anew {
			all = append(all, ref("parameters", "IfMatch"), ref("parameters", "IfNoneMatch"))
		}
	}
	return all
}

// response describes the answer of success: data in the envelope.
func (rt *route) response() object {
	data := ref("schemas", rt.out)
	if rt.list {
		data = object{"type": "array", "items": data}
	}
	required := []string{"data", "error", "meta"}
	members := object{"data": data, "error": object{"type": "null"}, "meta": ref("schemas", "Meta")}
	if rt.list {
		required = append(required, "page")
		members["page"] = ref("schemas", "Page")
	}
	headers := object{"x-request-id": ref("headers", "RequestID")}
	if rt.tagged {
		headers["ETag"] = ref("headers", "ETag")
	}
	return object{
		"description": "Done.",
		"headers":     headers,
		"content": object{"application/json": object{"schema": object{
			"type": "object", "required": required, "properties": members,
		}}},
	}
}

// refusals are the statuses of what is not done. Those for a method that a path does not have, and for a path
// that is none, belong to no route.
func (rt *route) refusals() []int {
	all := []int{http.StatusServiceUnavailable}
	guarded, write, named := rt.app || rt.group != "", rt.method != http.MethodGet, strings.Contains(rt.path, "{id}")
	if guarded || write { // the one write that has no guard looks at a password
		all = append(all, http.StatusBadRequest, http.StatusUnauthorized)
	}
	if guarded {
		all = append(all, http.StatusForbidden)
	}
	if named || rt.in == "InstallationRequest" {
		all = append(all, http.StatusNotFound)
	}
	if write {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if guarded && write { // for its Idempotency-Key, if for nothing else
		all = append(all, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	if write && rt.tagged && !rt.anew {
		all = append(all, http.StatusPreconditionFailed)
	}
	if !write && (rt.paged || rt.group == platform.Installations) {
		all = append(all, http.StatusUnprocessableEntity)
	}
	return all
}

// ref refers to a component.
func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }
