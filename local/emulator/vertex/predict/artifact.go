package predict

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/api/googleapi"
	"google.golang.org/grpc/codes"
)

// ownBucket is where the service keeps copies of artifacts. Servers find them there,
// not where the job says.
const ownBucket = "caip-tenant-emulated"

// artifact copies the job's artifact into the service's own bucket, and gives what
// AIP_STORAGE_URI says. Without an artifact it is empty.
func (j *run) artifact(ctx context.Context) (uri string, err error) {
	if j.task.Artifact == "" {
		return "", nil
	}
	if err := j.gcs.Bucket(ownBucket).Create(ctx, j.o.Project, nil); err != nil {
		var api *googleapi.Error
		if !errors.As(err, &api) || api.Code != http.StatusConflict { // it is there
			return "", err
		}
	}
	bucket, prefix, _ := SplitURI(j.task.Artifact) // it was checked before the job began
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	folder := j.task.Job + "/artifacts"
	found := false
	err = j.list(ctx, bucket, prefix, func(o object) error {
		found = true
		to := j.gcs.Bucket(ownBucket).Object(folder + "/" + o.key[len(prefix):])
		_, err := to.CopierFrom(j.gcs.Bucket(bucket).Object(o.key)).Run(ctx)
		return err
	})
	if err == nil && !found {
		err = failf(codes.FailedPrecondition, "The artifact directory %q is empty.", j.task.Artifact)
	}
	return "gs://" + ownBucket + "/" + folder, err
}

// discard removes the copy.
func (j *run) discard(ctx context.Context) {
	if j.task.Artifact == "" {
		return
	}
	ctx, cancel := afterwards(ctx)
	defer cancel()
	// What is left behind is found again by nobody.
	_ = j.list(ctx, ownBucket, j.task.Job+"/", func(o object) error {
		return j.gcs.Bucket(o.bucket).Object(o.key).Delete(ctx)
	})
}
