// Package browser drives examples/appregistry with headless Chromium, for what only a browser enforces:
// Content-Security-Policy, Referrer-Policy, SameSite cookies and where a form may lead.
//
// Without Chromium its test is skipped, unless the environment variable OAUTHCORE_REQUIRE names chromium.
package browser
