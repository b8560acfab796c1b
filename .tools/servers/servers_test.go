package servers

import (
	"testing"

	"strata/pipeline/objects"
	"strata/pipeline/objects/objectstest"
)

// fakeGaps are preconditions that fake-gcs-server v1.56.1 does not look at; the store does.
var fakeGaps = []objectstest.Gap{
	{Test: "stale delete", Why: "fake-gcs-server v1.56.1 deletes whatever generation is named; see TestPreconditionsReachTheStore"},
	{Test: "copy onto another", Why: "fake-gcs-server v1.56.1 copies onto an existing object; see TestPreconditionsReachTheStore"},
}

func suite(t *testing.T, server Server, gaps ...objectstest.Gap) {
	objectstest.Run(t, func(t *testing.T) objects.Bucket { return server.Open(t, "suite") }, gaps...)
}

func TestFakeGCS(t *testing.T)        { suite(t, FakeGCS(t), fakeGaps...) }
func TestFakeGCSProcess(t *testing.T) { suite(t, FakeGCSProcess(t), fakeGaps...) }
func TestVersity(t *testing.T)        { suite(t, Versity(t)) }
