package servers

import (
	"context"
	"strings"
	"testing"

	"strata/pipeline/objects"
	"strata/pipeline/objects/gcs"
	"strata/pipeline/objects/objectstest"
	"strata/pipeline/objects/s3"
)

// fakeGaps are preconditions that fake-gcs-server v1.56.1 does not look at; the store does.
var fakeGaps = []objectstest.Gap{
	{Test: "stale delete", Why: "fake-gcs-server v1.56.1 deletes whatever generation is named; see TestStrictGCS"},
	{Test: "copy race", Why: "fake-gcs-server v1.56.1 copies onto an existing object; see TestStrictGCS"},
	{Test: "list folder pages", Why: "fake-gcs-server v1.56.1 repeats all prefixes on every page; see TestStrictGCS"},
}

// versityGaps are preconditions that versitygw v1.8.0 does not look at; the store does.
var versityGaps = []objectstest.Gap{
	{Test: "copy race", Why: "versitygw v1.8.0 copies onto an existing object; see TestStrictS3"},
}

// suite runs what every driver must do, on a new bucket.
func suite(t *testing.T, server Server, gaps ...objectstest.Gap) {
	objectstest.Run(t, func(t *testing.T) objects.Bucket { return server.Open(t, "suite") }, gaps...)
	t.Run("missing bucket", func(t *testing.T) {
		b, err := server.Opener(context.Background(), "nobody-made-this")
		if err != nil {
			t.Fatal(err)
		}
		objectstest.MissingBucket(t, b)
	})
}

func TestFakeGCS(t *testing.T)        { suite(t, FakeGCS(t), fakeGaps...) }
func TestFakeGCSProcess(t *testing.T) { suite(t, FakeGCSProcess(t), fakeGaps...) }
func TestVersity(t *testing.T)        { suite(t, Versity(t), versityGaps...) }

// The openers that strata uses find the servers through the environment alone.
func TestOpenersFollowTheEnvironment(t *testing.T) {
	for name, tc := range map[string]struct {
		server func(testing.TB) Server
		open   objects.Opener
	}{"gcs": {FakeGCSProcess, gcs.Open}, "s3": {Versity, s3.Open}} {
		t.Run(name, func(t *testing.T) {
			server := tc.server(t)
			made := server.Open(t, "lake")
			for _, pair := range server.Env {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			b, err := tc.open(t.Context(), "lake")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Create(t.Context(), "a/b", []byte("one")); err != nil {
				t.Fatal(err)
			}
			if data, _, err := objects.ReadAll(t.Context(), made, "a/b", ""); err != nil || string(data) != "one" {
				t.Errorf("a/b holds %q, %v", data, err)
			}
		})
	}
}
