package vertex

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/crossbatch/crossbatch/core/provider"
)

// encode writes a request of the SDK in the JSON of protocol buffers, which is the
// body of the same call over REST; as canonical JSON.
func encode(m proto.Message) (json.RawMessage, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, "the request cannot be written: %w", err)
	}
	return provider.Canonical(json.RawMessage(text))
}

// decode reads a body into a request of the SDK. One that would not be sent as it
// stands is provider.Invalid: no Translate made it.
func decode(body json.RawMessage, m proto.Message) error {
	if err := protojson.Unmarshal(body, m); err != nil {
		return provider.Errorf(provider.Invalid, "the request cannot be read: %w", err)
	}
	if again, err := encode(m); err != nil || !bytes.Equal(again, body) {
		return provider.Errorf(provider.Invalid, "the request would not be sent as it stands")
	}
	return nil
}
