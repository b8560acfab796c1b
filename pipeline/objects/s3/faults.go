package s3

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"strata/pipeline/objects"
)

var retryable = retry.IsErrorRetryables(retry.DefaultRetryables)

// transient tells which errors may pass by themselves.
func transient(err error) bool {
	switch code(err) {
	case "ConditionalRequestConflict": // another write of the name is under way
		return true
	case "InternalError", "ServiceUnavailable": // also inside of an answer that began with 200
		return true
	}
	if n := status(err); n != 0 && objects.TransientStatus(n) {
		return true
	}
	return retryable.IsErrorRetryable(err) == aws.TrueTernary || status(err) == 0 && objects.TransientNetwork(err)
}

func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// fault words an error; precondition is what a failed condition means to the caller.
func (d *driver) fault(act, key string, err, precondition error) error {
	at := act + " " + d.URL(key)
	switch status(err) {
	case http.StatusNotFound:
		if code(err) == "NoSuchBucket" {
			return fmt.Errorf("%s: %w: there is no bucket %s", at, objects.ErrNotFound, d.name)
		}
		return fmt.Errorf("%s: %w", at, objects.ErrNotFound)
	case http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", at, precondition)
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%s: %w: %w; grant this account access to the bucket", at, objects.ErrRefused, err)
	case http.StatusMovedPermanently:
		return fmt.Errorf("%s: %w: %w; the bucket is in another region: set AWS_REGION", at, objects.ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}
