package fault

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Spec is how often what goes wrong. As text it is
//
//	[SERVICE:]NAME=VALUE[,NAME=VALUE...]
//
// where throttle, error, lost and capacity take a share of the calls from 0 to 1,
// delay and late a duration such as 200ms, and seed a whole number.
type Spec struct {
	Service string // whose calls; empty: all services'

	Throttle float64 // calls that are refused because there are too many
	Error    float64 // calls that end in an error of the service's own
	Lost     float64 // calls that are carried out, and whose answer is lost
	Capacity float64 // jobs that find no machines

	Delay time.Duration // that each answer takes longer
	Late  time.Duration // after which what is made or changes is seen in lists

	Seed uint64 // of the dice; equal seeds let the same calls fail
}

// most bounds durations.
const most = time.Hour

var serviceName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// Parse reads a Spec. The error says which part of the text is wrong, and what may
// stand there.
func Parse(text string) (Spec, error) {
	var s Spec
	rest := text
	if service, list, ok := strings.Cut(text, ":"); ok {
		if !serviceName.MatchString(service) {
			return Spec{}, fmt.Errorf("%q is no name of a service: write SERVICE:NAME=VALUE,..., such as sagemaker:throttle=0.1", service)
		}
		s.Service, rest = service, list
	}
	given := map[string]bool{}
	for pair := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return Spec{}, fmt.Errorf("%q is not NAME=VALUE; names are %s", pair, names)
		}
		if given[name] {
			return Spec{}, fmt.Errorf("%s stands there twice", name)
		}
		given[name] = true
		if err := s.set(name, value); err != nil {
			return Spec{}, err
		}
	}
	return s, nil
}

const names = "throttle, error, lost, capacity, delay, late, seed"

func (s *Spec) set(name, value string) (err error) {
	switch name {
	case "throttle":
		s.Throttle, err = share(value)
	case "error":
		s.Error, err = share(value)
	case "lost":
		s.Lost, err = share(value)
	case "capacity":
		s.Capacity, err = share(value)
	case "delay":
		s.Delay, err = duration(value)
	case "late":
		s.Late, err = duration(value)
	case "seed":
		if s.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			err = fmt.Errorf("%q is not a whole number from 0 to %d", value, uint64(math.MaxUint64))
		}
	default:
		return fmt.Errorf("%q is no fault; there are %s", name, names)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func share(text string) (float64, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1) { // NaN is neither
		return 0, fmt.Errorf("%q is not a share of the calls: a number from 0 to 1, such as 0.1", text)
	}
	return cmp.Or(f, 0), nil // -0 is 0
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > most {
		return 0, fmt.Errorf("%q is not a duration from 0s to %s, such as 200ms or 5s", text, most)
	}
	return d, nil
}

// String is a text that Parse reads as s.
func (s Spec) String() string {
	var pairs []string
	for _, x := range []struct {
		name  string
		share float64
	}{{"throttle", s.Throttle}, {"error", s.Error}, {"lost", s.Lost}, {"capacity", s.Capacity}} {
		if x.share > 0 {
			pairs = append(pairs, x.name+"="+strconv.FormatFloat(x.share, 'g', -1, 64))
		}
	}
	if s.Delay > 0 {
		pairs = append(pairs, "delay="+s.Delay.String())
	}
	if s.Late > 0 {
		pairs = append(pairs, "late="+s.Late.String())
	}
	pairs = append(pairs, "seed="+strconv.FormatUint(s.Seed, 10))
	text := strings.Join(pairs, ",")
	if s.Service != "" {
		text = s.Service + ":" + text
	}
	return text
}
