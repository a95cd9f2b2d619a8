// Package browser drives examples/appregistry with headless Chromium, for what only a browser enforces, as
// Content-Security-Policy, SameSite cookies and where a form may lead, and for what only a browser shows: that
// its pages fit a telephone, can be read in the light and in the dark, and work by keyboard and without scripts.
// Its test leaves pictures of the pages in the folder build.
//
// Without Chromium its test is skipped, unless the environment variable OAUTHCORE_REQUIRE names chromium.
package browser
