package oauthtest_test

import (
	"flag"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/oauthtest"
)

func BenchmarkMemory(b *testing.B) { oauthtest.Benchmark(b, newMemory, nil) }

func TestBenchmark(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	if err := benchtime.Set("100x"); err != nil {
		t.Fatal(err)
	}
	defer benchtime.Set(before)
	ran := false
	testing.Benchmark(func(b *testing.B) {
		oauthtest.Benchmark(b, newMemory, &oauthtest.Options{Grants: 100})
		ran = !b.Failed()
	})
	if !ran {
		t.Error("the benchmark failed on the memory store")
	}
}
