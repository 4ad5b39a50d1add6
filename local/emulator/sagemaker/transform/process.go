package transform

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/jsonpath"
)

// The attributes that a join makes.
const (
	joinedInput  = "SageMakerInput"
	joinedOutput = "SageMakerOutput"
)

// lined says that records that are processed are lines; else a whole request is
// one document.
func (i *instance) lined() bool { return i.task.Processing.Format != JSON || i.task.Split == Line }

// filter makes the body of a batch.
func (i *instance) filter(b *batch) error {
	b.body = b.original
	path := i.task.Processing.InputFilter
	if path.Whole() {
		return nil
	}
	b.body = newSpool(i.folder)
	return i.each(b.original, func(record []byte, newline bool) error {
		chosen, err := i.choose(path, record)
		if err != nil {
			return faultf(client, "InputFilter: %v", err)
		}
		if newline {
			chosen = append(chosen, '\n')
		}
		_, err = b.body.Write(chosen)
		return err
	})
}

// write appends an answer to the output.
func (i *instance) write(w io.Writer, a answer) error {
	if i.task.Processing.active() {
		return i.join(w, a)
	}
	if _, err := io.Copy(w, a.body.reader()); err != nil {
		return err
	}
	if i.task.Assemble != Line {
		return nil
	}
	last, err := a.body.last()
	if err != nil || last == '\n' && i.uncertain.NewlineOnce {
		return err
	}
	_, err = io.WriteString(w, "\n")
	return err
}

// join puts the records of an answer beside those of its request, filters, and
// writes them as lines.
func (i *instance) join(w io.Writer, a answer) error {
	p := i.task.Processing
	input := i.records(a.batch.original)
	begun := false
	err := i.each(a.body, func(record []byte, _ bool) error {
		if p.Join {
			asked, _, err := input()
			if errors.Is(err, io.EOF) {
				return faultf(client, "The algorithm answered more records than it was sent: they cannot be joined")
			}
			if err != nil {
				return err
			}
			if record, err = p.Format.join(asked, record); err != nil {
				return faultf(client, "JoinSource: %v", err)
			}
		}
		record, err := i.choose(p.OutputFilter, record)
		if err != nil {
			return faultf(client, "OutputFilter: %v", err)
		}
		if begun {
			record = append([]byte{'\n'}, record...)
		}
		begun = true
		_, err = w.Write(record)
		return err
	})
	if err != nil {
		return err
	}
	if p.Join {
		if _, _, err := input(); !errors.Is(err, io.EOF) {
			if err != nil {
				return err
			}
			return faultf(client, "The algorithm answered fewer records than it was sent: they cannot be joined")
		}
	}
	if begun && i.task.Assemble == Line {
		_, err = io.WriteString(w, "\n")
	}
	return err
}

// records reads a body's records, without their newlines. It is io.EOF behind them.
func (i *instance) records(s *spool) func() (record []byte, newline bool, err error) {
	if !i.lined() {
		done := false
		return func() ([]byte, bool, error) {
			if done {
				return nil, false, io.EOF
			}
			done = true
			text, err := io.ReadAll(io.LimitReader(s.reader(), maxRecord+1))
			if err == nil && len(text) > maxRecord {
				err = tooLarge()
			}
			return text, false, err
		}
	}
	r := bufio.NewReaderSize(s.reader(), 64<<10)
	return func() ([]byte, bool, error) {
		line, err := readLine(r, maxRecord)
		line, newline := bytes.CutSuffix(line, []byte{'\n'})
		return bytes.TrimSuffix(line, []byte{'\r'}), newline, err
	}
}

func (i *instance) each(s *spool, do func(record []byte, newline bool) error) error {
	for next := i.records(s); ; {
		record, newline, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(record, newline); err != nil {
			return err
		}
	}
}

// choose gives what an expression selects of a record, in memory of its own.
func (i *instance) choose(path jsonpath.Path, record []byte) ([]byte, error) {
	ends := jsonpath.Inclusive(i.uncertain.SliceEndsIncluded)
	if i.task.Processing.Format == CSV {
		row, err := fields(string(record))
		if err != nil {
			return nil, err
		}
		row, err = path.SelectRow(row, ends)
		return []byte(strings.Join(row, ",")), err
	}
	if err := valid(record); err != nil {
		return nil, err
	}
	chosen, err := path.Select(record, ends)
	return bytes.Clone(bytes.TrimSpace(chosen)), err
}

func valid(text []byte) error {
	if !json.Valid(text) {
		return fmt.Errorf("a record is not JSON: %.64q", text)
	}
	return nil
}

// join puts an answer beside what it answers.
func (f Format) join(input, output []byte) ([]byte, error) {
	if f == CSV {
		return bytes.Join([][]byte{input, output}, []byte{','}), nil
	}
	for _, text := range [][]byte{input, output} {
		if err := valid(text); err != nil {
			return nil, err
		}
	}
	input, output = bytes.TrimSpace(input), bytes.TrimSpace(output)
	if input[0] != '{' {
		return jsonpath.Object([]jsonpath.Member{{Name: joinedInput, Value: input}, {Name: joinedOutput, Value: output}}), nil
	}
	members, err := jsonpath.Members(input)
	if err != nil {
		return nil, err
	}
	for n := range members {
		if members[n].Name == joinedOutput {
			members[n].Value = output
			return jsonpath.Object(members), nil
		}
	}
	return jsonpath.Object(append(members, jsonpath.Member{Name: joinedOutput, Value: output})), nil
}

// fields cuts a row into its fields as they are written, quotes and all.
func fields(row string) ([]string, error) {
	var out []string
	for {
		end := strings.IndexByte(row, ',')
		if strings.HasPrefix(row, `"`) {
			n := 1
			for n < len(row) && (row[n] != '"' || n+1 < len(row) && row[n+1] == '"') {
				if row[n] == '"' {
					n++
				}
				n++
			}
			if n >= len(row) {
				return nil, errors.New("a quoted field of a row is not closed")
			}
			if n+1 < len(row) && row[n+1] != ',' {
				return nil, errors.New("something stands behind a quoted field of a row")
			}
			if end = n + 1; end == len(row) {
				end = -1
			}
		}
		if end < 0 {
			return append(out, row), nil
		}
		out, row = append(out, row[:end]), row[end+1:]
	}
}
