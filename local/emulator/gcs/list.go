package gcs

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
)

// maxPage is how many entries a page of a listing has, at most and by default.
// https://cloud.google.com/storage/docs/json_api/v1/objects/list
const maxPage = 1000

type listing struct {
	Kind          string            `json:"kind"`
	NextPageToken string            `json:"nextPageToken,omitempty"`
	Prefixes      []string          `json:"prefixes,omitempty"`
	Items         []json.RawMessage `json:"items,omitempty"`
}

// list cuts the library's listings into pages. Its own have no bound, count no
// prefixes, and repeat them on every page.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := maxPage
	if given := q.Get("maxResults"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, "invalid", fmt.Sprintf("invalid value for maxResults: %q", given))
			return
		}
		if n > 0 {
			limit = min(n, maxPage)
		}
	}
	if q.Get("delimiter") == "" {
		q.Set("maxResults", strconv.Itoa(limit))
		r.URL.RawQuery = q.Encode()
		s.handler.ServeHTTP(w, r)
		return
	}
	token := q.Get("pageToken")
	q.Del("maxResults")
	q.Del("pageToken")
	r.URL.RawQuery = q.Encode()
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	var all listing
	if answer.Code == http.StatusOK {
		if err := json.Unmarshal(answer.Body.Bytes(), &all); err != nil {
			refuse(w, http.StatusInternalServerError, "internalError", err.Error())
			return
		}
	}
	page, err := all.page(token, limit)
	switch {
	case answer.Code != http.StatusOK:
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	case err != nil:
		refuse(w, http.StatusInternalServerError, "internalError", err.Error())
	default:
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_ = json.NewEncoder(w).Encode(page)
	}
}

// page is the entries from token on. A token is the name of the entry that a page
// begins with.
func (l listing) page(token string, limit int) (listing, error) {
	type entry struct {
		name string
		item json.RawMessage // nil for a prefix
	}
	var entries []entry
	for _, p := range l.Prefixes {
		entries = append(entries, entry{name: p})
	}
	for _, raw := range l.Items {
		var o struct{ Name string }
		if err := json.Unmarshal(raw, &o); err != nil {
			return listing{}, err
		}
		entries = append(entries, entry{o.Name, raw})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	out := listing{Kind: l.Kind}
	n := 0
	for _, e := range entries {
		switch {
		case e.name < token:
		case n == limit:
			out.NextPageToken = e.name
			return out, nil
		case e.item == nil:
			out.Prefixes = append(out.Prefixes, e.name)
			n++
		default:
			out.Items = append(out.Items, e.item)
			n++
		}
	}
	return out, nil
}
