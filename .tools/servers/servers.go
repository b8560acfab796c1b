// Package servers starts the storage servers that tests run against, on free ports of the loopback interface.
package servers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"google.golang.org/api/option"

	"strata/pipeline/objects"
	"strata/pipeline/objects/gcs"
	"strata/pipeline/objects/s3"
)

// A Server serves buckets to a test.
type Server struct {
	Open   func(t testing.TB, bucket string) objects.Bucket // makes the bucket, too
	Opener objects.Opener                                   // opens a bucket, there or not
	Env    []string                                         // what makes strata itself use the server
}

// binary finds a server that the Makefile builds.
func binary(t testing.TB, variable, name string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	_, file, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(file), "..", "..", "build", "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is absent; make test builds it", name)
	}
	return path
}

// freePort returns a port that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start runs a server process on a free port until the test ends, and returns the port. A port that somebody else takes before
// the server does is given up for another.
func start(t testing.TB, env []string, path string, args func(port int) []string) int {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	for range 5 {
		port := freePort(t)
		cmd := exec.Command(path, args(port)...)
		cmd.Env = append(os.Environ(), env...)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			cmd.Wait()
			close(ended)
		}()
		t.Cleanup(func() {
			cmd.Process.Kill()
			<-ended
		})
		if listens(port, ended) {
			return port
		}
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("%s did not start: %s", path, text)
	return 0
}

// listens waits for a process to open its port, or to end.
func listens(port int, ended <-chan struct{}) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-time.After(20 * time.Millisecond):
		}
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			time.Sleep(50 * time.Millisecond) // it may have been somebody else's, and ours is about to say so
			select {
			case <-ended:
				return false
			default:
				return true
			}
		}
	}
	return false
}

// FakeGCS is a GCS server inside the test's process.
func FakeGCS(t testing.TB) Server {
	t.Helper()
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{Scheme: "http", Host: "127.0.0.1", Port: 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Stop)
	return Server{
		Env: []string{"STORAGE_EMULATOR_HOST=" + strings.TrimPrefix(fake.URL(), "http://")},
		Open: func(_ testing.TB, bucket string) objects.Bucket {
			fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
			return gcs.New(fake.Client(), bucket)
		},
		Opener: func(_ context.Context, bucket string) (objects.Bucket, error) {
			return gcs.New(fake.Client(), bucket), nil
		},
	}
}

// FakeGCSProcess is the same server as a program of its own.
func FakeGCSProcess(t testing.TB) Server {
	t.Helper()
	path := binary(t, "STRATA_FAKE_GCS_SERVER", "fake-gcs-server")
	port := start(t, nil, path, func(port int) []string {
		host := fmt.Sprintf("127.0.0.1:%d", port)
		return []string{
			"-scheme", "http", "-host", "127.0.0.1", "-port", fmt.Sprint(port), "-backend", "memory",
			"-external-url", "http://" + host, "-public-host", host, "-log-level", "error",
		}
	})
	host := fmt.Sprintf("127.0.0.1:%d", port)
	client, err := storage.NewClient(context.Background(), option.WithEndpoint("http://"+host+"/storage/v1/"),
		option.WithoutAuthentication(), storage.WithJSONReads())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return Server{
		Env:    []string{"STORAGE_EMULATOR_HOST=" + host},
		Opener: func(_ context.Context, bucket string) (objects.Bucket, error) { return gcs.New(client, bucket), nil },
		Open: func(t testing.TB, bucket string) objects.Bucket {
			if err := client.Bucket(bucket).Create(context.Background(), "test", nil); err != nil {
				t.Fatal(err)
			}
			return gcs.New(client, bucket)
		},
	}
}

// Versity is an S3 server on a folder, as a program of its own.
func Versity(t testing.TB) Server {
	t.Helper()
	path, folder := binary(t, "STRATA_VERSITYGW", "versitygw"), t.TempDir()
	port := start(t, []string{"ROOT_ACCESS_KEY=strata", "ROOT_SECRET_KEY=strata-secret"}, path, func(port int) []string {
		return []string{"--port", fmt.Sprintf("127.0.0.1:%d", port), "posix", folder}
	})
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", port)
	client := awss3.New(awss3.Options{
		BaseEndpoint: &endpoint, UsePathStyle: true, Region: "us-east-1", Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("strata", "strata-secret", ""), HTTPClient: &http.Client{},
	})
	return Server{
		Opener: func(_ context.Context, bucket string) (objects.Bucket, error) { return s3.New(client, bucket), nil },
		Env: []string{
			"AWS_ENDPOINT_URL_S3=" + endpoint, "AWS_ACCESS_KEY_ID=strata", "AWS_SECRET_ACCESS_KEY=strata-secret", "AWS_REGION=us-east-1",
		},
		Open: func(t testing.TB, bucket string) objects.Bucket {
			if _, err := client.CreateBucket(context.Background(), &awss3.CreateBucketInput{Bucket: &bucket}); err != nil {
				t.Fatal(err)
			}
			return s3.New(client, bucket)
		},
	}
}
