package vertex

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/filter"
)

// Reading logs, as Cloud Logging does:
// https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list
const (
	defaultEntries = 50
	maxEntries     = 1000
	maxEntryBytes  = 1 << 20 // of an answer
)

// logService is the part of LoggingServiceV2 that reads entries.
type logService struct {
	loggingpb.UnimplementedLoggingServiceV2Server
	*Server
}

// ListLogEntries lists what containers said.
func (s *logService) ListLogEntries(_ context.Context, in *loggingpb.ListLogEntriesRequest) (*loggingpb.ListLogEntriesResponse, error) {
	if err := s.logResources(in.GetResourceNames()); err != nil {
		return nil, err
	}
	f, err := filter.Parse(in.GetFilter())
	if err != nil {
		return nil, invalid("Unparseable filter: %v.", err)
	}
	if err := f.Check(checkEntry); err != nil {
		return nil, err
	}
	back := false
	switch in.GetOrderBy() {
	case "", "timestamp", "timestamp asc":
	case "timestamp desc":
		back = true
	default:
		return nil, invalid("The order %q is neither \"timestamp asc\" nor \"timestamp desc\".", in.GetOrderBy())
	}
	if in.GetPageSize() < 0 {
		return nil, invalid("The page size %d is negative.", in.GetPageSize())
	}
	lines := s.logs.kept()
	if back {
		slices.Reverse(lines)
	}
	if in.GetPageToken() != "" {
		last, err := strconv.Atoi(in.GetPageToken())
		if err != nil {
			return nil, invalid("The page token is not one of a list of entries.")
		}
		lines = slices.DeleteFunc(lines, func(l line) bool { return !back && l.number <= last || back && l.number >= last })
	}
	size := min(int(in.GetPageSize()), maxEntries)
	if size == 0 {
		size = defaultEntries
	}
	out := &loggingpb.ListLogEntriesResponse{}
	bytes, last := 0, 0
	for _, l := range lines {
		e := s.entry(l)
		if !f.Match(func(c filter.Comparison) bool { return entryHolds(c, e) }) {
			continue
		}
		if bytes += len(l.text); len(out.GetEntries()) == size || bytes > maxEntryBytes && len(out.GetEntries()) > 0 {
			out.NextPageToken = strconv.Itoa(last)
			break
		}
		out.Entries, last = append(out.Entries, e), l.number
	}
	return out, nil
}

// logResources checks whose logs are asked for: projects/PROJECT, or a view of its
// bucket.
func (s *Server) logResources(names []string) error {
	if len(names) == 0 {
		return invalid("At least one resource name must be given.")
	}
	for _, name := range names {
		parts := strings.Split(name, "/")
		switch {
		case len(parts) < 2 || parts[0] != "projects":
			return invalid("The resource name %q is not of the form projects/PROJECT.", name)
		case parts[1] != s.o.Project && parts[1] != s.o.ProjectNumber:
			_, err := s.location("projects/" + parts[1] + "/locations/us-central1")
			return err
		}
	}
	return nil
}

// entry is how a line is told. The log's name is ours.
func (s *Server) entry(l line) *loggingpb.LogEntry {
	return &loggingpb.LogEntry{
		LogName: "projects/" + s.o.Project + "/logs/aiplatform.googleapis.com%2Fprediction_container",
		Resource: &monitoredres.MonitoredResource{
			Type:   s.o.Uncertain.LogResource,
			Labels: map[string]string{s.o.Uncertain.LogLabel: l.job.id, "location": l.job.location, "resource_container": "projects/" + s.o.ProjectNumber},
		},
		Payload:   &loggingpb.LogEntry_TextPayload{TextPayload: l.text},
		Timestamp: timestamppb.New(l.at), ReceiveTimestamp: timestamppb.New(l.at), InsertId: fmt.Sprintf("%016x", l.number),
	}
}

// entryText are the texts of an entry, by their fields.
func entryText(field string, e *loggingpb.LogEntry) (string, bool) {
	switch field {
	case "resource.type":
		return e.GetResource().GetType(), true
	case "textPayload", "text_payload":
		return e.GetTextPayload(), true
	case "logName", "log_name":
		return e.GetLogName(), true
	case "insertId", "insert_id":
		return e.GetInsertId(), true
	case "severity":
		return e.GetSeverity().String(), true
	}
	if label, ok := strings.CutPrefix(field, "resource.labels."); ok {
		return e.GetResource().GetLabels()[label], true
	}
	if label, ok := strings.CutPrefix(field, "labels."); ok {
		return e.GetLabels()[label], true
	}
	return "", false
}

func checkEntry(c filter.Comparison) error {
	if c.Op == "" {
		return nil
	}
	if c.Field == "timestamp" {
		if _, err := time.Parse(time.RFC3339Nano, c.Value); err != nil {
			return invalid("Unparseable filter: the time %q is not in RFC 3339 format.", c.Value)
		}
		if slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, c.Op) {
			return nil
		}
	}
	if _, ok := entryText(c.Field, &loggingpb.LogEntry{}); !ok {
		return invalid("The field %q of log filters is not emulated here; the service accepts it.", c.Field)
	}
	if !slices.Contains([]string{"=", "!=", ":"}, c.Op) {
		return invalid("The operator %s on %s in log filters is not emulated here; the service accepts it.", c.Op, c.Field)
	}
	return nil
}

// entryHolds compares as the service does: without regard to case. A text that
// stands alone may be in any field.
func entryHolds(c filter.Comparison, e *loggingpb.LogEntry) bool {
	if c.Op == "" {
		texts := []string{e.GetTextPayload(), e.GetLogName(), e.GetInsertId(), e.GetResource().GetType()}
		for _, v := range e.GetResource().GetLabels() {
			texts = append(texts, v)
		}
		return slices.ContainsFunc(texts, func(t string) bool { return has(t, c.Value) })
	}
	if c.Field == "timestamp" {
		t, _ := time.Parse(time.RFC3339Nano, c.Value) // checkEntry has seen to it
		n := e.GetTimestamp().AsTime().Compare(t)
		return map[string]bool{"=": n == 0, "!=": n != 0, "<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[c.Op]
	}
	text, _ := entryText(c.Field, e)
	switch c.Op {
	case "=":
		return strings.EqualFold(text, c.Value)
	case "!=":
		return !strings.EqualFold(text, c.Value)
	}
	return has(text, c.Value)
}

func has(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
