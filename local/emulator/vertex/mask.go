package vertex

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// mask leaves of a message what a read mask names. No mask, and *, leave everything.
func mask[M proto.Message](m M, by *fieldmaskpb.FieldMask) (M, error) {
	if len(by.GetPaths()) == 0 || len(by.GetPaths()) == 1 && by.GetPaths()[0] == "*" {
		return m, nil
	}
	if !by.IsValid(m) {
		return m, invalid("The read mask %q names fields that a %s does not have.", strings.Join(by.GetPaths(), ","), m.ProtoReflect().Descriptor().Name())
	}
	prune(m.ProtoReflect(), by.GetPaths())
	return m, nil
}

func prune(m protoreflect.Message, paths []string) {
	whole, deeper := map[protoreflect.Name]bool{}, map[protoreflect.Name][]string{}
	for _, p := range paths {
		name, rest, nested := strings.Cut(p, ".")
		if nested {
			deeper[protoreflect.Name(name)] = append(deeper[protoreflect.Name(name)], rest)
		} else {
			whole[protoreflect.Name(name)] = true
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case whole[f.Name()]:
		case deeper[f.Name()] != nil && f.Message() != nil && !f.IsList() && !f.IsMap():
			prune(v.Message(), deeper[f.Name()])
		default:
			m.Clear(f)
		}
		return true
	})
}
