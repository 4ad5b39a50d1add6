package jobfile

import (
	"cmp"
	"maps"
	"slices"
)

// kinds are the kinds of providers.
func kinds() []string { return []string{kindLocal, kindSageMaker, kindVertex, kindAzureML, kindOCI} }

func isKind(name string) bool { return slices.Contains(kinds(), name) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
