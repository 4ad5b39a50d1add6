package engine
import ("fmt";"testing";"time";"os";"github.com/crossbatch/crossbatch/core/job";"github.com/crossbatch/crossbatch/local/onnx")
func BenchmarkRealP(b *testing.B) {
	rt, _ := loaded()
	dir := b.TempDir()
	j := sumJob(b, dir)
	j.Model.Artifact = "bench/models/mlp.onnx"
	j.Input.Key = []string{"id"}
	j.Input.Tensors = []job.Tensor{{Input: "features", Fields: fieldsOf30(), Null: job.Null{Policy: job.NullFail}}}
	j.Input.Source = []string{os.Getenv("REAL")}
	k := task(b, j)
	for b.Loop() {
		r, err := Prepare(b.Context(), k, Options{Runtime: rt, Device: onnx.CPU(), Version: "test", Now: time.Now})
		if err != nil { b.Fatal(err) }
		if _, err := r.Execute(b.Context(), dir+"/w"); err != nil { b.Fatal(err) }
		r.Close(); os.RemoveAll(dir+"/w")
	}
	b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
func fieldsOf30() (f []string) { for i := range 30 { f = append(f, fmt.Sprint("f", i)) }; return }
