package view

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// ShowGarbage prints what was removed, or would be, and how much stays.
func ShowGarbage(out io.Writer, asJSON bool, found broker.Garbage, dry bool, now time.Time) error {
	verdicts := found.Groups
	var gone, kept int64
	var groups, stay int64
	for _, v := range verdicts {
		if v.Goes {
			gone += v.Bytes
			groups++
		} else {
			kept += v.Bytes
			stay++
		}
	}
	if asJSON {
		if verdicts == nil {
			verdicts = []staging.Verdict{}
		}
		return printJSON(out, struct {
			FormatVersion int                 `json:"format_version"`
			DryRun        bool                `json:"dry_run"`
			Bytes         int64               `json:"bytes"` // that went, or would
			Groups        []staging.Verdict   `json:"groups"`
			Objects       []broker.IdleObject `json:"objects"` // owned ones
		}{FormatVersion, dry, gone, verdicts, some(found.Objects)})
	}
	var idle int64
	for _, o := range found.Objects {
		if o.Goes {
			idle++
		}
	}
	if groups+idle > 0 {
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "WHAT\tOBJECTS\tSIZE\tCHANGED\tWHERE")
		for _, v := range verdicts {
			if v.Goes {
				fmt.Fprintf(w, "%s %.8s\t%s\t%s\t%s\t%s\n", v.Kind, v.Name, thousands(int64(v.Objects)), bytesText(v.Bytes), ago(now.Sub(v.Modified)), nearURI(v.URI))
			}
		}
		for _, o := range found.Objects {
			if o.Goes {
				fmt.Fprintf(w, "%s %s\t-\t-\t%s\t%s\n", o.Kind, o.Name, lastUse(o, now), o.Provider)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	said := map[bool]string{true: "would be removed", false: "removed"}[dry]
	went, stayed := fmt.Sprintf("%s (%s)", count(groups, "group"), bytesText(gone)), fmt.Sprintf("%s (%s)", count(stay, "group"), bytesText(kept))
	if n := int64(len(found.Objects)); n > 0 {
		went += ", " + count(idle, "owned object")
		stayed += ", " + count(n-idle, "owned object")
	}
	if _, err := fmt.Fprintf(out, "%s: %s; stays: %s\n", said, went, stayed); err != nil {
		return err
	}
	var groupReasons, objectReasons reasons
	for _, v := range verdicts {
		groupReasons.add(v.Goes, v.Reason)
	}
	for _, o := range found.Objects {
		objectReasons.add(o.Goes, o.Reason)
	}
	if err := groupReasons.show(out, "group"); err != nil {
		return err
	}
	return objectReasons.show(out, "owned object")
}

// lastUse says when the last run that used an object was over.
func lastUse(o broker.IdleObject, now time.Time) string {
	if o.Used.IsZero() { // all of them are destroyed
		return "-"
	}
	return ago(now.Sub(o.Used))
}

// reasons count what stays for one reason.
type reasons []staying

type staying struct {
	reason string
	n      int64
}

func (r *reasons) add(goes bool, reason string) {
	if goes {
		return
	}
	for i := range *r {
		if (*r)[i].reason == reason {
			(*r)[i].n++
			return
		}
	}
	*r = append(*r, staying{reason, 1})
}

func (r reasons) show(out io.Writer, what string) error {
	for _, s := range r {
		if _, err := fmt.Fprintf(out, "  %s: %s\n", count(s.n, what), s.reason); err != nil {
			return err
		}
	}
	return nil
}

// nearURI writes a folder of this machine as people name it, and any other as it is.
func nearURI(uri string) string {
	path, ok := storage.LocalPath(uri)
	if !ok {
		return uri
	}
	return near(path)
}
