package ociobjectstorage

import (
	"net/http"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

func (s *Server) renameObject(w http.ResponseWriter, r *request) error {
	var d struct {
		SourceName            string `json:"sourceName"`
		NewName               string `json:"newName"`
		SrcObjIfMatchETag     string `json:"srcObjIfMatchETag"`
		NewObjIfMatchETag     string `json:"newObjIfMatchETag"`
		NewObjIfNoneMatchETag string `json:"newObjIfNoneMatchETag"`
	}
	if err := decode(r, &d); err != nil {
		return err
	}
	if err := validName(d.NewName); err != nil {
		return err
	}
	from, err := writeCheck(d.SrcObjIfMatchETag, "")
	if err != nil {
		return err
	}
	to, err := writeCheck(d.NewObjIfMatchETag, d.NewObjIfNoneMatchETag)
	if err != nil {
		return err
	}
	o, err := s.o.Objects.Rename(r.bucket, d.SourceName, d.NewName, from, to)
	if err != nil {
		return err
	}
	w.Header().Set("etag", o.ETag)
	w.Header().Set("last-modified", o.Modified.Format(http.TimeFormat))
	return nil
}

// batchDelete deletes one after the other: the service promises no more. How many it
// takes at once is not documented; here, as many as a list can hold.
func (s *Server) batchDelete(w http.ResponseWriter, r *request) error {
	var d struct {
		Objects []struct {
			ObjectName string `json:"objectName"`
			IfMatch    string `json:"ifMatch"`
		} `json:"objects"`
		IsSkipDeletedResult bool `json:"isSkipDeletedResult"`
	}
	if err := decode(r, &d); err != nil {
		return err
	}
	if _, err := s.o.Objects.GetBucket(r.bucket); err != nil {
		return err
	}
	if len(d.Objects) == 0 || len(d.Objects) > maxPage {
		return invalid("objects must name from 1 to %d", maxPage)
	}
	type deleted struct {
		ObjectName       string `json:"objectName"`
		TimeLastModified string `json:"timeLastModified"`
	}
	type failed struct {
		ObjectName   string `json:"objectName"`
		StatusCode   int    `json:"statusCode"`
		ErrorMessage string `json:"errorMessage"`
	}
	out := struct {
		Deleted []deleted `json:"deleted"`
		Failed  []failed  `json:"failed"`
	}{[]deleted{}, []failed{}}
	for _, o := range d.Objects {
		var check objects.Check
		if o.IfMatch != "" {
			var err error
			if check, err = writeCheck(o.IfMatch, ""); err != nil {
				return err
			}
		}
		if err := s.o.Objects.Delete(r.bucket, o.ObjectName, check); err != nil {
			f := asFailure(err)
			out.Failed = append(out.Failed, failed{o.ObjectName, f.status, f.message})
		} else if !d.IsSkipDeletedResult {
			out.Deleted = append(out.Deleted, deleted{o.ObjectName, s.o.Clock.Now().UTC().Format(timeFormat)})
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}
