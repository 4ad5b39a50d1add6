package record_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

func TestTable(t *testing.T) {
	for _, tt := range []struct {
		name string
		cols record.Columns
		want []record.Column
	}{
		{"no key", record.Columns{Outputs: []record.Output{{Name: "y", Type: "float"}}},
			[]record.Column{{Name: "key"}, {Name: "prediction.y", Type: "float"}}},
		{"composite key", record.Columns{Keys: 2, Keep: []string{"a"}, Outputs: []record.Output{{Name: "y", Type: "int64"}}},
			[]record.Column{{Name: "key_0"}, {Name: "key_1"}, {Name: "a"}, {Name: "prediction.y", Type: "int64"}}},
		{"vectors", record.Columns{Keys: 1, Outputs: []record.Output{{Name: "v", Type: "float", Width: 2}, {Name: "w", Type: "string", Width: 1}}},
			[]record.Column{{Name: "key"}, {Name: "prediction.v_0", Type: "float"}, {Name: "prediction.v_1", Type: "float"}, {Name: "prediction.w_0", Type: "string"}}},
	} {
		if d := cmp.Diff(tt.want, tt.cols.Table()); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestCSVEncoder(t *testing.T) {
	vector := record.Columns{Keys: 2, Keep: []string{"a.b", "c,d"}, Outputs: []record.Output{{Name: "v", Width: 2}, {Name: "j"}}}
	for _, tt := range []struct {
		name         string
		cols         record.Columns
		header, line string
		want         string
	}{
		{"scalars", record.Columns{Keys: 1, Keep: []string{"r"}, Outputs: []record.Output{{Name: "y"}}},
			"key,r,prediction.y", `{"key":"007","r":true,"prediction":{"y":0.50}}`, "007,true,0.50"},
		{"null and empty differ", record.Columns{Keys: 1, Keep: []string{"r", "s"}, Outputs: []record.Output{{Name: "y"}}},
			"key,r,s,prediction.y", `{"key":"","r":null,"s":"","prediction":{"y":null}}`, `"",,"",`},
		{"text that needs quotes", record.Columns{Keep: []string{"r"}, Outputs: []record.Output{{Name: "y"}}},
			"key,r,prediction.y", `{"key":"0:1","r":"a\n\"b\", ","prediction":{"y":"\u00e9,"}}`, "0:1,\"a\n\"\"b\"\", \",\"é,\""},
		{"vector and JSON", vector, `key_0,key_1,a.b,"c,d",prediction.v_0,prediction.v_1,prediction.j`,
			`{"key":[1.50,"x"],"a.b":1,"c,d":{"p":[1]},"prediction":{"v":["NaN",2],"j":[[1],["a"]]}}`,
			`1.50,x,1,"{""p"":[1]}",NaN,2,"[[1],[""a""]]"`},
		{"dots are no paths", record.Columns{Keep: []string{"a.b"}, Outputs: []record.Output{{Name: "y.z"}}},
			"key,a.b,prediction.y.z", `{"key":"0:1","a":{"b":1},"prediction":{"y":{"z":2},"y.z":3}}`, "0:1,,3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := record.NewCSVEncoder(tt.cols)
			if got := string(e.AppendHeader([]byte("x"))); got != "x"+tt.header+"\n" {
				t.Errorf("header %s, want x%s", got, tt.header)
			}
			got, err := e.Append([]byte("x"), []byte(tt.line+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != "x"+tt.want+"\n" {
				t.Errorf("row %s, want x%s", got, tt.want)
			}
			rows, err := csv.NewReader(strings.NewReader(tt.header + "\n" + string(got[1:]))).ReadAll()
			if err != nil || len(rows) != 2 || len(rows[0]) != len(tt.cols.Table()) {
				t.Errorf("encoding/csv reads %d rows, %v", len(rows), err)
			}
		})
	}
}

// A row of another width than the header's must not be published.
func TestCSVEncoderRefuses(t *testing.T) {
	e := record.NewCSVEncoder(record.Columns{Keys: 2, Outputs: []record.Output{{Name: "v", Width: 2}, {Name: "w", Width: 1}}})
	for _, line := range []string{
		`{"key":[1],"prediction":{"v":[1,2],"w":[1]}}`,
		`{"key":[1,2,3],"prediction":{"v":[1,2],"w":[1]}}`,
		`{"key":"k","prediction":{"v":[1,2],"w":[1]}}`,
		`{"key":[1,2],"prediction":{"v":[1],"w":[1]}}`,
		`{"key":[1,2],"prediction":{"v":[1,2,3,4],"w":[1]}}`,
		`{"key":[1,2],"prediction":{"v":[1,2],"w":7}}`,
		`{"key":[1,2],"error":{"code":"malformed","message":"m"}}`,
	} {
		if row, err := e.Append(nil, []byte(line)); err == nil {
			t.Errorf("%s: %s", line, row)
		}
	}
	if _, err := e.Append(nil, []byte(`{"key":`)); codeOf(err) != record.Malformed {
		t.Errorf("half a line: %v", err)
	}
	got, err := e.Append(nil, []byte(`{"key":[1,2],"prediction":{"v":[1,2],"w":[1]}}`))
	if err != nil || string(got) != "1,2,1,2,1\n" {
		t.Errorf("after the refusals: %q, %v", got, err)
	}
}
