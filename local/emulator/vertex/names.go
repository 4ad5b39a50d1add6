package vertex

import (
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// place is an id in a location. Ids of each kind of resource are apart.
type place struct{ location, id string }

var locationForm = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)

// location is where a parent is, projects/PROJECT/locations/LOCATION.
func (s *Server) location(parent string) (string, error) {
	parts := strings.Split(parent, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[2] != "locations" || parts[1] == "" {
		return "", refusal(codes.InvalidArgument, "The resource name %q is not of the form projects/PROJECT/locations/LOCATION.", parent)
	}
	if !locationForm.MatchString(parts[3]) {
		return "", refusal(codes.InvalidArgument, "The location %q of %s is not a region, such as us-central1.", parts[3], parent)
	}
	if parts[1] != s.o.Project && parts[1] != s.o.ProjectNumber {
		return "", refusal(codes.PermissionDenied, "Permission denied on resource '//aiplatform.googleapis.com/%s' (or it may not exist). "+
			"The emulator has the project %s only, whose number is %s.", parent, s.o.Project, s.o.ProjectNumber)
	}
	return parts[3], nil
}

// find is what a name means: projects/PROJECT/locations/LOCATION/KIND/ID.
func (s *Server) find(name, kind string) (place, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 6 || parts[4] != kind || parts[5] == "" {
		return place{}, refusal(codes.InvalidArgument, "The resource name %q is not of the form projects/PROJECT/locations/LOCATION/%s/ID.", name, kind)
	}
	location, err := s.location(strings.Join(parts[:4], "/"))
	return place{location, parts[5]}, err
}

// name is how the service writes a name: with the number of the project.
func (s *Server) name(kind string, at place) string {
	return fmt.Sprintf("projects/%s/locations/%s/%s/%s", s.o.ProjectNumber, at.location, kind, at.id)
}

// locationOf is that of any name, or empty.
func locationOf(name string) string {
	if parts := strings.Split(name, "/"); len(parts) >= 4 && parts[2] == "locations" {
		return parts[3]
	}
	return ""
}

func refusal(code codes.Code, format string, args ...any) error {
	return status.Errorf(code, format, args...)
}

func invalid(format string, args ...any) error {
	return refusal(codes.InvalidArgument, format, args...)
}

func absent(name string) error { return refusal(codes.NotFound, "%s is not found.", name) }
