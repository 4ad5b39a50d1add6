package modeltest

import (
	"strconv"

	"github.com/crossbatch/crossbatch/core/model"
	"google.golang.org/protobuf/encoding/protowire"
)

// header is a TensorProto without elements.
func header(name string, elem model.ElemType, dims []int64) []byte {
	var t []byte
	for _, d := range dims {
		t = num(t, 1, uint64(d))
	}
	t = num(t, 2, uint64(elem))
	if name != "" {
		t = str(t, 8, name)
	}
	return t
}

func external(name string, elem model.ElemType, dims []int64, location string, offset, length int64) []byte {
	t := header(name, elem, dims)
	for _, kv := range [][2]string{
		{"location", location}, {"offset", strconv.FormatInt(offset, 10)}, {"length", strconv.FormatInt(length, 10)},
	} {
		t = sub(t, 13, str(str(nil, 1, kv[0]), 2, kv[1]))
	}
	return num(t, 14, 1)
}

func opset(o model.Opset) []byte { return num(str(nil, 1, o.Domain), 2, uint64(o.Version)) }

func num(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func str(b []byte, field protowire.Number, s string) []byte { return sub(b, field, []byte(s)) }

func sub(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}
