package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrTooLarge says that a mapping does not fit into environment variables.
var ErrTooLarge = errors.New("the mapping is too large for environment variables")

// VariablePrefix begins the names of the variables that hold a mapping where it
// travels in a container's environment; 0, 1, ... follow.
const VariablePrefix = "CROSSBATCH_SCORER_"

const (
	// variables is how many a mapping is split over at most: CreateTransformJob has
	// room for 16 in all.
	variables = 4
	// variableBytes is the most that one of them may hold. The service counts
	// characters, of which there are no more than bytes.
	variableBytes = 10240
)

// Split puts an encoded mapping into as few variables as hold it. ErrTooLarge: none
// of them do.
func Split(text []byte) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrFormat)
	}
	all := map[string]string{}
	for rest := text; len(rest) > 0; {
		if len(all) == variables {
			return nil, fmt.Errorf("%w: it has %d bytes, %d variables of %d are used", ErrTooLarge, len(text), variables, variableBytes)
		}
		end := min(len(rest), variableBytes)
		for end < len(rest) && !utf8.RuneStart(rest[end]) {
			end--
		}
		all[VariablePrefix+strconv.Itoa(len(all))] = string(rest[:end])
		rest = rest[end:]
	}
	return all, nil
}

// Join is what Split took; nil where no variable is set. A gap is ErrFormat.
func Join(getenv func(string) string) ([]byte, error) {
	var text []byte
	missing := ""
	for i := range variables {
		name := VariablePrefix + strconv.Itoa(i)
		piece := getenv(name)
		switch {
		case piece == "" && missing == "":
			missing = name
		case piece != "" && missing != "":
			return nil, fmt.Errorf("%w: %s is set and %s is not", ErrFormat, name, missing)
		}
		text = append(text, piece...)
	}
	return text, nil
}
