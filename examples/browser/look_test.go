package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// look takes pictures of the page into the folder build, on a telephone and on a desk, in the light and in
// the dark, and checks that everyone can use it there without scrolling sideways.
func (b *browser) look(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll("build", 0o755); err != nil {
		t.Fatal(err)
	}
	ground := make(map[string]string)
	for _, width := range []int64{1280, 360} { // the telephone last, which the rest of the test goes on with
		b.do(t, chromedp.EmulateViewport(width, 640))
		for _, scheme := range []string{"light", "dark"} {
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
				t.Fatal(err)
			}
			ground[scheme] = value[string](t, b, `getComputedStyle(document.body).backgroundColor`)
			at := fmt.Sprintf("%s at %d pixels in the %s", name, width, scheme)
			if got := value[int64](t, b, `document.documentElement.scrollWidth`); got > width {
				t.Errorf("%s: the page is %d pixels wide", at, got)
			}
			for _, fault := range value[[]string](t, b, faults) {
				t.Errorf("%s: %s", at, fault)
			}
			picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("build", fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			if err := os.WriteFile(file, picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ground["light"] == ground["dark"] {
		t.Errorf("%s: the ground is %s in the light and in the dark", name, ground["dark"])
	}
	if title := value[string](t, b, `document.title`); value[bool](t, b, `location.pathname.startsWith("/console/")`) && !strings.Contains(title, " – App registry") {
		t.Errorf("%s: the title is %q, which does not say where it is", name, title)
	}
}

// faults finds text of too little contrast (WCAG 2.2, 1.4.3), targets that are too small (2.5.8, links in a
// sentence excepted) and fields without a name (4.1.2).
const faults = `(() => {
	const found = [];
	const rgb = s => s.match(/[\d.]+/g).map(Number);
	const light = c => {
		const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = e => {
		for (; e; e = e.parentElement) {
			const c = rgb(getComputedStyle(e).backgroundColor);
			if (c.length == 3 || c[3] == 1) return c;
		}
		return [255, 255, 255];
	};
	const seen = e => e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().bottom > 0;
	for (const e of document.body.querySelectorAll("*")) {
		if (!seen(e)) continue;
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		const words = e.value && e.matches("input, textarea") ? e.value : [...e.childNodes].filter(n => n.nodeType == 3).map(n => n.data).join("").trim();
		if (words && !e.disabled) {
			const a = light(rgb(style.color)), b = light(ground(e));
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) found.push("contrast " + ratio.toFixed(2) + " of " + JSON.stringify(words.slice(0, 40)));
		}
		if (e.matches("a, button, input, select, textarea, summary") && !e.disabled) {
			const inSentence = e.matches("a") && style.display == "inline";
			if (!inSentence && !e.matches("[type=checkbox], [type=radio]") && (box.width < 24 || box.height < 24))
				found.push("a target of " + Math.round(box.width) + " by " + Math.round(box.height) + ": " + e.outerHTML.slice(0, 80));
			if (e.matches("input, select, textarea") && e.type != "hidden" && !(e.labels && e.labels.length))
				found.push("no label: " + e.outerHTML.slice(0, 80));
		}
	}
	return found;
})()`
