package emulator

import (
	"context"
	"net/http"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/fault"
)

// Service is a running service, and how clients are led to it.
type Service struct {
	Name      string // s3, gcs, azblob, oci, sagemaker, vertex
	Title     string
	Store     bool   // it keeps objects in buckets
	Endpoint  string // its URL, without a slash at its end
	Variables []Variable
	Lines     []Line
	Files     []File // that variables name; nobody has written them
}

// Variable is an environment variable. None holds a secret: what looks like one is
// made up, or known to everybody.
type Variable struct {
	Name  string
	Value string
	File  string // the value is the path to the File of this name; else empty
}

// Line is what to write where variables do not reach: a flag of a CLI, a line of code.
type Line struct {
	For  string
	Text string
}

// File is a file that a variable names.
type File struct {
	Name string
	// Content is what it holds. path says where each file of its service lies.
	Content func(path func(name string) string) ([]byte, error)
}

// running is a service with its insides.
type running struct {
	Service
	handler   http.Handler
	protocols *http.Protocols                                // nil: HTTP/1
	create    func(ctx context.Context, bucket string) error // nil: it has none
	close     func() error
}

// place is where a service lies.
type place struct {
	clock clockwork.Clock
	host  string // HOST:PORT
	dir   string // a folder of its own; empty keeps nothing

	container Container
	others    []*running  // that have been started
	dice      *fault.Dice // nil: nothing goes wrong
}

func (p place) endpoint() string { return "http://" + p.host }

// endpointOf is that of a service that has been started before.
func (p place) endpointOf(name string) string {
	for _, s := range p.others {
		if s.Name == name {
			return s.Endpoint
		}
	}
	return ""
}

// kind is a service that can be started.
type kind struct {
	name   string
	open   func(place) (*running, error)
	faulty bool // it looks at place.dice
}

// kinds are all services, in the order of their ports: the stores, then what runs
// models, where there is something that can run them.
func kinds(c Container) []kind {
	all := []kind{
		{name: "s3", open: openS3},
		{name: "gcs", open: openGCS},
		{name: "azblob", open: openAzureBlob},
		{name: "oci", open: openOCI},
	}
	if c.Path != "" {
		all = append(all, kind{name: "sagemaker", open: openSageMaker, faulty: true}, kind{name: "vertex", open: openVertex, faulty: true})
	}
	return all
}
