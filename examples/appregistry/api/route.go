package api

import (
	"net/http"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
)

const prefix = "/app-registry/v1"

// route is one method of one path: who may ask, what goes in, what comes out.
type route struct {
	method, path string
	group        platform.Group // whose roles may ask; empty: everyone, unless app is set
	app          bool           // asks with an app's own token
	handle       func(*API, *call) (*reply, error)

	summary  string
	query    []string // parameters of the query, beside those of lists
	in       string   // schema of the body; empty: none
	optional bool     // the body may be left out
	out      string   // schema of data
	list     bool     // of many
	paged    bool     // a page at a time
	created  bool     // answers with 201
	tagged   bool     // has an ETag; a write of what may be there takes If-Match and If-None-Match
	anew     bool     // makes what nobody can have seen
}

// status is that of success.
func (rt *route) status() int {
	if rt.created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// login is the one route that is not below the prefix.
var login = route{method: "POST", path: "/auth/v1/login", handle: (*API).login, in: "Login", out: "Tokens",
	summary: "Trade an e-mail address and a password for tokens."}

// routes is the table of all others.
var routes = []route{
	{method: "GET", path: prefix + "/health", handle: (*API).health, out: "Health",
		summary: "Whether the service and its store answer."},

	{method: "GET", path: prefix + "/apps", group: platform.Apps, handle: (*API).listApps, out: "App", list: true, paged: true,
		summary: "The caller's own apps."},
	{method: "POST", path: prefix + "/apps", group: platform.Apps, handle: (*API).createApp, in: "Manifest", out: "AppWithSecret", created: true, tagged: true, anew: true,
		summary: "Register an app, as a draft. A confidential app's secret is shown this once."},
	{method: "GET", path: prefix + "/apps/{id}", group: platform.Apps, handle: (*API).getApp, out: "App", tagged: true,
		summary: "One app of the caller's, or any for staff."},
	{method: "PATCH", path: prefix + "/apps/{id}", group: platform.Apps, handle: (*API).updateApp, in: "ManifestPatch", out: "App", tagged: true,
		summary: "Change the draft, or begin one from the live manifest. A member that is null is removed (RFC 7396)."},
	{method: "DELETE", path: prefix + "/apps/{id}", group: platform.Apps, handle: (*API).deleteApp, out: "App", tagged: true,
		summary: "End an app and every grant to it, for ever."},
	{method: "POST", path: prefix + "/apps/{id}/submit", group: platform.Apps, handle: (*API).submitApp, out: "App", tagged: true,
		summary: "Hand the draft to review."},
	{method: "POST", path: prefix + "/apps/{id}/withdraw", group: platform.Apps, handle: (*API).withdrawApp, out: "App", tagged: true,
		summary: "Drop what is proposed; the live manifest stays."},
	{method: "POST", path: prefix + "/apps/{id}/pause", group: platform.Apps, handle: (*API).pauseApp, out: "App", tagged: true,
		summary: "Halt an app of one's own."},
	{method: "POST", path: prefix + "/apps/{id}/resume", group: platform.Apps, handle: (*API).resumeApp, out: "App", tagged: true,
		summary: "Let a paused app go on."},

	{method: "GET", path: prefix + "/admin/apps", group: platform.Review, handle: (*API).queue, query: []string{"state"}, out: "App", list: true, paged: true,
		summary: "Apps that wait: submitted for a reviewer, approved to be published."},
	{method: "GET", path: prefix + "/admin/apps/{id}", group: platform.Review, handle: (*API).getReviewed, out: "App", tagged: true,
		summary: "One app, as its reviewer reads it."},
	{method: "POST", path: prefix + "/admin/apps/{id}/claim", group: platform.Review, handle: (*API).claimApp, out: "App", tagged: true,
		summary: "Say that one reads the submitted revision."},
	{method: "POST", path: prefix + "/admin/apps/{id}/approve", group: platform.Review, handle: (*API).approveApp, in: "Note", optional: true, out: "App", tagged: true,
		summary: "Approve the submitted revision."},
	{method: "POST", path: prefix + "/admin/apps/{id}/request-changes", group: platform.Review, handle: (*API).rejectApp, in: "Note", out: "App", tagged: true,
		summary: "Send the submitted revision back, with a note. The same as reject: its developer may revise it."},
	{method: "POST", path: prefix + "/admin/apps/{id}/reject", group: platform.Review, handle: (*API).rejectApp, in: "Note", out: "App", tagged: true,
		summary: "Reject the submitted revision, with a note."},
	{method: "POST", path: prefix + "/admin/apps/{id}/publish", group: platform.Review, handle: (*API).publishApp, in: "Publish", optional: true, out: "App", tagged: true,
		summary: "Make the approved revision the live one."},
	{method: "POST", path: prefix + "/admin/apps/{id}/suspend", group: platform.Review, handle: (*API).suspendApp, out: "App", tagged: true,
		summary: "Halt an app everywhere."},
	{method: "POST", path: prefix + "/admin/apps/{id}/reinstate", group: platform.Review, handle: (*API).reinstateApp, out: "App", tagged: true,
		summary: "Let a suspended app go on."},

	{method: "GET", path: prefix + "/developer/profile", group: platform.Developer, handle: (*API).getProfile, out: "Profile", tagged: true,
		summary: "What the caller says of themselves in the directory."},
	{method: "PUT", path: prefix + "/developer/profile", group: platform.Developer, handle: (*API).setProfile, in: "ProfileInput", out: "Profile", tagged: true,
		summary: "Replace the profile."},
	{method: "GET", path: prefix + "/developer/apps", group: platform.Developer, handle: (*API).listApps, out: "App", list: true, paged: true,
		summary: "The caller's own apps."},
	{method: "POST", path: prefix + "/developer/apps/{id}/secret-rotation", group: platform.Developer, handle: (*API).rotateSecret, in: "Overlap", optional: true, out: "AppWithSecret", created: true, tagged: true,
		summary: "Give an app a new client secret, shown this once. The old one works for as long as they overlap."},
	{method: "POST", path: prefix + "/developer/apps/{id}/secret-rotation/complete", group: platform.Developer, handle: (*API).completeRotation, out: "App", tagged: true,
		summary: "End the old client secret now."},
	{method: "POST", path: prefix + "/developer/apps/{id}/secret-rotation/cancel", group: platform.Developer, handle: (*API).cancelRotation, out: "App", tagged: true,
		summary: "End the new client secret; the old one stays."},
	{method: "GET", path: prefix + "/developer/apps/{id}/usage", group: platform.Developer, handle: (*API).getUsage, out: "Usage", list: true,
		summary: "Requests of an app to the OAuth endpoints, by day, for 30 days."},

	{method: "GET", path: prefix + "/installations", group: platform.Installations, handle: (*API).listInstallations, out: "Installation", list: true, paged: true,
		summary: "What the organisation has installed, or was asked to."},
	{method: "POST", path: prefix + "/installations", group: platform.Installations, handle: (*API).requestInstallation, in: "InstallationRequest", out: "Installation", created: true, tagged: true,
		summary: "Ask for an app to be installed."},
	{method: "GET", path: prefix + "/installations/{id}", group: platform.Installations, handle: (*API).getInstallation, out: "Installation", tagged: true,
		summary: "The installation of an app, by its client_id."},
	{method: "PATCH", path: prefix + "/installations/{id}", group: platform.Installations, handle: (*API).updateInstallation, in: "Scopes", out: "Installation", tagged: true,
		summary: "Ask for more scopes; those allowed go on working."},
	{method: "POST", path: prefix + "/installations/{id}/approve", group: platform.Installations, handle: (*API).approveInstallation, in: "Scopes", optional: true, out: "Installation", tagged: true,
		summary: "Allow scopes, in place of those allowed so far; without a body, what is requested beside those."},
	{method: "POST", path: prefix + "/installations/{id}/refuse", group: platform.Installations, handle: (*API).refuseInstallation, out: "Installation", tagged: true,
		summary: "Refuse what is requested."},
	{method: "POST", path: prefix + "/installations/{id}/narrow", group: platform.Installations, handle: (*API).narrowInstallation, in: "Scopes", out: "Installation", tagged: true,
		summary: "Leave the app fewer scopes, at once."},
	{method: "POST", path: prefix + "/installations/{id}/suspend", group: platform.Installations, handle: (*API).suspendInstallation, out: "Installation", tagged: true,
		summary: "Halt the app in the organisation."},
	{method: "POST", path: prefix + "/installations/{id}/resume", group: platform.Installations, handle: (*API).resumeInstallation, out: "Installation", tagged: true,
		summary: "Let the app go on."},
	{method: "DELETE", path: prefix + "/installations/{id}", group: platform.Installations, handle: (*API).uninstall, out: "Installation", tagged: true,
		summary: "Uninstall the app and end every grant it has in the organisation."},

	{method: "GET", path: prefix + "/webhooks", app: true, handle: (*API).listWebhooks, out: "Webhook", list: true, paged: true,
		summary: "The app's endpoints."},
	{method: "POST", path: prefix + "/webhooks", app: true, handle: (*API).createWebhook, in: "WebhookInput", out: "WebhookWithSecret", created: true, tagged: true, anew: true,
		summary: "Register an endpoint. Its signing secret is shown this once."},
	{method: "GET", path: prefix + "/webhooks/{id}", app: true, handle: (*API).getWebhook, out: "Webhook", tagged: true,
		summary: "One endpoint."},
	{method: "DELETE", path: prefix + "/webhooks/{id}", app: true, handle: (*API).deleteWebhook, out: "Webhook", tagged: true,
		summary: "Remove an endpoint."},
	{method: "POST", path: prefix + "/webhooks/{id}/rotate-secret", app: true, handle: (*API).rotateWebhook, in: "Overlap", optional: true, out: "WebhookWithSecret", created: true, tagged: true,
		summary: "Give an endpoint a new signing secret, shown this once. Both sign for as long as they overlap."},
	{method: "POST", path: prefix + "/webhooks/{id}/test", app: true, handle: (*API).testWebhook, out: "Delivery",
		summary: "Send a signed test message."},

	{method: "GET", path: prefix + "/search", group: platform.Directory, handle: (*API).search, query: []string{"q", "category"}, out: "Listing", list: true, paged: true,
		summary: "Listed apps whose name or description has all the words, in a category."},
	{method: "GET", path: prefix + "/recommendations", group: platform.Directory, handle: (*API).recommend, query: []string{"limit"}, out: "Recommendation", list: true,
		summary: "Apps of the categories in use that are not installed, the most installed first."},
}
