package recorder_test

import (
	"slices"
	"testing"

	"github.com/oauthcore/oauthcore/internal/recorder"
)

func TestRecord(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(testing.TB)
		want recorder.Outcome
	}{
		{"a pass", func(t testing.TB) { t.Helper(); t.Log("a", 1); t.Logf("%d", 2) }, recorder.Outcome{Log: "a 1\n2\n"}},
		{"an error goes on", func(t testing.TB) { t.Error("a"); t.Errorf("b\n") }, recorder.Outcome{Failed: true, Log: "a\nb\n"}},
		{"Fail says nothing", func(t testing.TB) { t.Fail() }, recorder.Outcome{Failed: true}},
		{"FailNow ends", func(t testing.TB) { t.FailNow(); t.Log("on") }, recorder.Outcome{Failed: true}},
		{"Fatal ends", func(t testing.TB) { t.Fatal("a"); t.Log("on") }, recorder.Outcome{Failed: true, Log: "a\n"}},
		{"Fatalf ends", func(t testing.TB) { t.Fatalf("%s", "a"); t.Log("on") }, recorder.Outcome{Failed: true, Log: "a\n"}},
		{"SkipNow ends", func(t testing.TB) { t.SkipNow(); t.Log("on") }, recorder.Outcome{Skipped: true}},
		{"Skip ends", func(t testing.TB) { t.Skip("a"); t.Log("on") }, recorder.Outcome{Skipped: true, Log: "a\n"}},
		{"Skipf ends", func(t testing.TB) { t.Skipf("%s", "a"); t.Log("on") }, recorder.Outcome{Skipped: true, Log: "a\n"}},
		{"a test can ask", func(t testing.TB) {
			if !t.Failed() && !t.Skipped() {
				t.Error("a")
				t.Log(t.Failed(), t.Skipped())
			}
		}, recorder.Outcome{Failed: true, Log: "a\ntrue false\n"}},
		{"a cleanup may fail", func(t testing.TB) { t.Cleanup(func() { t.Fatal("a") }) }, recorder.Outcome{Failed: true, Log: "a\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := recorder.Record(t, tt.f); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestRecordCleansUp(t *testing.T) {
	var order []string
	note := func(s string) func() { return func() { order = append(order, s) } }
	got := recorder.Record(t, func(t testing.TB) {
		t.Cleanup(note("first"))
		t.Cleanup(func() { t.Cleanup(note("of a cleanup")) })
		t.Cleanup(note("last"))
		t.FailNow()
	})
	if want := []string{"last", "of a cleanup", "first"}; !got.Failed || !slices.Equal(order, want) {
		t.Errorf("failed is %v, cleanups ran as %q, want %q", got.Failed, order, want)
	}
}
