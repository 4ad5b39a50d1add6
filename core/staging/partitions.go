package staging

import (
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// hiveNull is what Hive and its kin write where a partition's value is null.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// Partitions are the fields that the k=v folders of an object's path name, as Hive
// lays tables out. Nothing is known of their types: values are strings, or null.
func Partitions(uri string) map[string]record.Value {
	name := uri
	if local, ok := storage.LocalPath(uri); ok {
		name = filepath.ToSlash(local)
	} else if u, err := storage.ParseURI(uri); err == nil {
		name = u.Key
	}
	found := map[string]record.Value{}
	for folder := range strings.SplitSeq(path.Dir(name), "/") {
		k, v, ok := strings.Cut(folder, "=")
		if !ok || k == "" {
			continue
		}
		value := record.Value{Kind: record.Null}
		if v != hiveNull {
			value = record.Value{Kind: record.String, Raw: record.AppendString(nil, unescaped(v))}
		}
		found[unescaped(k)] = value
	}
	return found
}

// unescaped undoes the %XX that Hive writes for what a folder's name may not hold.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// pathMember is the member that tells them; nil where there are none.
func pathMember(fields map[string]record.Value) []byte {
	if len(fields) == 0 {
		return nil
	}
	dst := append([]byte(nil), `"`+mapping.PathField+`":{`...)
	for i, k := range slices.Sorted(maps.Keys(fields)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(record.AppendString(dst, k), ':')
		dst = record.AppendJSON(dst, fields[k])
	}
	return append(dst, '}')
}
