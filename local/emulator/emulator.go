package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/fault"
)

// Options of an Emulator. The zero value takes any free ports of 127.0.0.1 and
// keeps everything in memory.
type Options struct {
	// Address is HOST:PORT of the first service; the others get the ports that
	// follow. Port 0 gives each any free one. The host must be this machine's
	// loopback: nothing here is safe to show to others.
	Address string
	Dir     string // a folder to keep everything in; made when absent
	Clock   clockwork.Clock

	// Container serves the models of jobs. Without it no service runs that needs
	// one.
	Container Container

	// Faults are what goes wrong with calls of the services that run models.
	Faults []fault.Spec
}

// Emulator is the running services. It is safe for concurrent use.
type Emulator struct {
	services []*running
	servers  []*http.Server
	serving  sync.WaitGroup

	closing sync.Once
	failed  error // what Close met
}

// graceful is how long Close waits for what is being answered.
const graceful = time.Second

// Start starts all services. When it returns they answer. The caller closes the
// emulator; ctx is only for the start.
func Start(ctx context.Context, o Options) (*Emulator, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if err := checkFaults(o.Faults, kinds(o.Container)); err != nil {
		return nil, err
	}
	host, port, err := address(o.Address, len(kinds(o.Container)))
	if err != nil {
		return nil, err
	}
	e := &Emulator{}
	for i, k := range kinds(o.Container) {
		if err := e.start(ctx, k, o, host, port, i); err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", k.name, err), e.Close())
		}
	}
	return e, nil
}

func (e *Emulator) start(ctx context.Context, k kind, o Options, host string, port, i int) error {
	if port > 0 {
		port += i
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	p := place{clock: o.Clock, host: l.Addr().String(), container: o.Container, others: e.services, dice: fault.For(k.name, o.Faults)}
	if o.Dir != "" {
		p.dir = filepath.Join(o.Dir, k.name)
	}
	s, err := k.open(p)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	s.Name, s.Endpoint, s.Store = k.name, p.endpoint(), s.create != nil
	h := &http.Server{Handler: s.handler, Protocols: s.protocols, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	e.services, e.servers = append(e.services, s), append(e.servers, h)
	e.serving.Go(func() { _ = h.Serve(l) }) // until Close
	return nil
}

// checkFaults refuses faults of a service that has none.
func checkFaults(specs []fault.Spec, kinds []kind) error {
	var names []string
	for _, k := range kinds {
		if k.faulty {
			names = append(names, k.name)
		}
	}
	for _, s := range specs {
		if s.Service != "" && !slices.Contains(names, s.Service) {
			return fmt.Errorf("faults of %q: no such service has faults; there are %s", s.Service, strings.Join(names, ", "))
		}
	}
	return nil
}

// address reads HOST:PORT.
func address(given string, services int) (host string, port int, err error) {
	if given == "" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(given)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not an address: want HOST:PORT, such as 127.0.0.1:9400", given)
	}
	last := 65535 - services + 1
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > last {
		return "", 0, fmt.Errorf("%q is not an address: the port must be a number from 0 to %d", given, last)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("%q is not on this machine's loopback: the emulators take anybody's word for who they are, so they listen on 127.0.0.1 or ::1 only", given)
	}
	return host, port, nil
}

// Services lists the services, in the order of their ports.
func (e *Emulator) Services() []Service {
	var out []Service
	for _, s := range e.services {
		out = append(out, s.Service)
	}
	return out
}

// CreateBucket makes a bucket (a container of Azure's). One that is there is left
// alone.
func (e *Emulator) CreateBucket(ctx context.Context, service, bucket string) error {
	i := slices.IndexFunc(e.services, func(s *running) bool { return s.Name == service })
	if i < 0 || e.services[i].create == nil {
		var names []string
		for _, s := range e.services {
			if s.create != nil {
				names = append(names, s.Name)
			}
		}
		return fmt.Errorf("no store is called %q: there are %s", service, strings.Join(names, ", "))
	}
	if err := e.services[i].create(ctx, bucket); err != nil {
		return fmt.Errorf("creating bucket %q of %s: %w", bucket, service, err)
	}
	return nil
}

// Close stops all services and writes what they keep. It waits a moment for what
// is being answered. More calls than one answer alike.
func (e *Emulator) Close() error {
	e.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), graceful)
		defer cancel()
		var stopping sync.WaitGroup
		for _, h := range e.servers {
			stopping.Go(func() {
				if err := h.Shutdown(ctx); err != nil {
					_ = h.Close() // whoever is still talking is cut off
				}
			})
		}
		stopping.Wait()
		e.serving.Wait()
		for _, s := range e.services {
			if err := s.close(); err != nil {
				e.failed = errors.Join(e.failed, fmt.Errorf("stopping %s: %w", s.Name, err))
			}
		}
	})
	return e.failed
}
