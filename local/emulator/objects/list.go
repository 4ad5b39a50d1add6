package objects

import "strings"

// ListOptions narrow a listing. Zero values do not.
type ListOptions struct {
	Prefix    string
	Delimiter string // keys that have it behind the prefix are folded up to its end
	From      string // the first key that may be listed
	After     string // only keys behind it
	Before    string // only keys ahead of it
	Limit     int    // of objects and folded prefixes together
}

// Listing is a page. Objects and Prefixes are sorted each by their bytes, and
// everything on a page comes ahead of everything on the next.
type Listing struct {
	Objects  []Object
	Prefixes []string // end in the delimiter
	Next     string   // From of the next page; empty when there is none
}

// List lists objects by the bytes of their keys.
func (s *Store) List(bucket string, o ListOptions) (Listing, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucket(bucket)
	if err != nil {
		return Listing{}, err
	}
	var out Listing
	i, _ := b.search(max(o.Prefix, o.From))
	for i < len(b.objects) {
		e := b.objects[i]
		if !strings.HasPrefix(e.Key, o.Prefix) || o.Before != "" && e.Key >= o.Before {
			break
		}
		if o.After != "" && e.Key <= o.After {
			i, _ = b.search(o.After + "\x00")
			continue
		}
		if o.Limit > 0 && len(out.Objects)+len(out.Prefixes) == o.Limit {
			out.Next = e.Key
			break
		}
		folded, ok := fold(e.Key, o.Prefix, o.Delimiter)
		if !ok {
			out.Objects = append(out.Objects, e.clone())
			i++
			continue
		}
		out.Prefixes = append(out.Prefixes, folded)
		i = b.behind(folded)
	}
	return out, nil
}

func fold(key, prefix, delimiter string) (string, bool) {
	if delimiter == "" {
		return "", false
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(prefix)+i+len(delimiter)], true
}

// behind is the first object whose key is behind all that begin with prefix.
func (b *bucket) behind(prefix string) int {
	for n := len(prefix); n > 0; n-- {
		if c := prefix[n-1]; c < 0xff {
			i, _ := b.search(prefix[:n-1] + string([]byte{c + 1}))
			return i
		}
	}
	return len(b.objects)
}
