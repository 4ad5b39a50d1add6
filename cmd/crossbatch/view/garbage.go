package view

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// ShowGarbage prints what was removed, or would be, and how much stays.
func ShowGarbage(out io.Writer, asJSON bool, verdicts []staging.Verdict, dry bool, now time.Time) error {
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
			FormatVersion int               `json:"format_version"`
			DryRun        bool              `json:"dry_run"`
			Bytes         int64             `json:"bytes"` // that went, or would
			Groups        []staging.Verdict `json:"groups"`
		}{FormatVersion, dry, gone, verdicts})
	}
	if groups > 0 {
		w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "WHAT\tOBJECTS\tSIZE\tCHANGED\tWHERE")
		for _, v := range verdicts {
			if v.Goes {
				fmt.Fprintf(w, "%s %.8s\t%s\t%s\t%s\t%s\n", v.Kind, v.Name, thousands(int64(v.Objects)), bytesText(v.Bytes), ago(now.Sub(v.Modified)), nearURI(v.URI))
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	said := map[bool]string{true: "would be removed", false: "removed"}[dry]
	if _, err := fmt.Fprintf(out, "%s: %s (%s); stays: %s (%s)\n", said, count(groups, "group"), bytesText(gone), count(stay, "group"), bytesText(kept)); err != nil {
		return err
	}
	for _, r := range reasons(verdicts) {
		if _, err := fmt.Fprintf(out, "  %s: %s\n", count(r.n, "group"), r.reason); err != nil {
			return err
		}
	}
	return nil
}

// staying counts the groups that stay for one reason.
type staying struct {
	reason string
	n      int64
}

func reasons(verdicts []staging.Verdict) []staying {
	var out []staying
	at := map[string]int{}
	for _, v := range verdicts {
		if v.Goes {
			continue
		}
		i, ok := at[v.Reason]
		if !ok {
			i = len(out)
			at[v.Reason] = i
			out = append(out, staying{reason: v.Reason})
		}
		out[i].n++
	}
	return out
}

// nearURI writes a folder of this machine as people name it, and any other as it is.
func nearURI(uri string) string {
	path, ok := storage.LocalPath(uri)
	if !ok {
		return uri
	}
	return near(path)
}
