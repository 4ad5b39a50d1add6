package sagemaker

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// do sends a request as it is. Headers are name, value, name, value; they stand in
// place of those of a request in order.
func (w *world) do(method, path, body string, headers ...string) (status int, header http.Header, answer string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	at := time.Now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	r.Header.Set("Authorization", authorization(at, "sagemaker"))
	r.Header.Set("Content-Type", mediaType)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.http.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func authorization(at, service string) string {
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKID/%s/us-east-1/%s/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=%064d", at[:8], service, 1)
}

func TestWire(t *testing.T) {
	w := newWorld(t, Options{})
	w.createModel("m")
	today := time.Now().UTC().Format("20060102T150405Z")
	good := authorization(today, "sagemaker")
	const list = "SageMaker.ListModels"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"list", "POST", "/", "{}", []string{"X-Amz-Target", list}, 200, `{"Models":[{"ModelName":"m",`},
		{"no body", "POST", "/", "", []string{"X-Amz-Target", list}, 200, `{"Models":`},
		{"unknown and null members", "POST", "/", `{"Other":[1],"SortBy":null}`, []string{"X-Amz-Target", list}, 200, `{"Models":`},
		{"required", "POST", "/", "{}", []string{"X-Amz-Target", "SageMaker.CreateTransformJob"}, 400,
			`{"__type":"ValidationException","message":"5 validation errors detected: Value null at 'modelName' failed to satisfy constraint: Member must not be null; `},
		{"modelled", "POST", "/", `{"ModelName":"x"}`, []string{"X-Amz-Target", "SageMaker.DescribeModel"}, 400, `{"__type":"ValidationException","message":"Could not find model`},
		{"number for text", "POST", "/", `{"ModelName":7}`, []string{"X-Amz-Target", "SageMaker.DescribeModel"}, 400, `{"__type":"SerializationException","message":"NUMBER_VALUE at 'modelName' can not be converted to a String"}`},
		{"text for number", "POST", "/", `{"MaxResults":"7"}`, []string{"X-Amz-Target", list}, 400, `STRING_VALUE at 'maxResults' can not be converted to an Integer`},
		{"fraction", "POST", "/", `{"MaxResults":7.5}`, []string{"X-Amz-Target", list}, 400, `can not be converted to an Integer`},
		{"text for time", "POST", "/", `{"CreationTimeAfter":"2026"}`, []string{"X-Amz-Target", list}, 400, `can not be converted to a Timestamp`},
		{"text for list", "POST", "/", `{"ResourceArn":"a","Tags":"x"}`, []string{"X-Amz-Target", "SageMaker.AddTags"}, 400, `can not be converted to a List`},
		{"list for structure", "POST", "/", `[]`, []string{"X-Amz-Target", list}, 400, `START_ARRAY at '' can not be converted to a Structure`},
		{"null in a list", "POST", "/", `{"ResourceArn":"arn:aws:sagemaker:r:123456789012:model/m","TagKeys":[null]}`, []string{"X-Amz-Target", "SageMaker.DeleteTags"}, 400, `Value null at 'tagKeys.1.member'`},
		{"number in a map", "POST", "/", `{"ModelName":"m","PrimaryContainer":{"Environment":{"A":1}}}`, []string{"X-Amz-Target", "SageMaker.CreateModel"}, 400, `NUMBER_VALUE at 'primaryContainer.environment.A'`},
		{"text for boolean", "POST", "/", `{"ModelName":"m","EnableNetworkIsolation":"yes"}`, []string{"X-Amz-Target", "SageMaker.CreateModel"}, 400, `can not be converted to a Boolean`},
		{"no JSON", "POST", "/", `{`, []string{"X-Amz-Target", list}, 400, `SerializationException`},
		{"two values", "POST", "/", `{} {}`, []string{"X-Amz-Target", list}, 400, `SerializationException`},
		{"time out of reach", "POST", "/", `{"CreationTimeAfter":1e300}`, []string{"X-Amz-Target", list}, 400, `SerializationException`},
		{"media type", "POST", "/", "{}", []string{"X-Amz-Target", list, "Content-Type", "application/json"}, 400, `SerializationException`},
		{"operation", "POST", "/", "{}", []string{"X-Amz-Target", "SageMaker.CreateEndpoint"}, 400, `UnknownOperationException`},
		{"path", "POST", "/models", "{}", []string{"X-Amz-Target", list}, 404, `UnknownOperationException`},
		{"method", "GET", "/", "", []string{"X-Amz-Target", list}, 404, `UnknownOperationException`},
		{"no signature", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", ""}, 403, `MissingAuthenticationTokenException`},
		{"other signature", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", "Bearer x"}, 403, `IncompleteSignatureException`},
		{"credential", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", strings.Replace(good, "/us-east-1", "", 1)}, 403, `IncompleteSignatureException`},
		{"signature", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", good + "g"}, 403, `IncompleteSignatureException`},
		{"signed headers", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", strings.Replace(good, "x-amz-target", "x", 1)}, 403, `InvalidSignatureException`},
		{"service", "POST", "/", "{}", []string{"X-Amz-Target", list, "Authorization", authorization(today, "logs")}, 403, `InvalidSignatureException`},
		{"date", "POST", "/", "{}", []string{"X-Amz-Target", list, "X-Amz-Date", "yesterday"}, 403, `IncompleteSignatureException`},
		{"other date", "POST", "/", "{}", []string{"X-Amz-Target", list, "X-Amz-Date", "20010101T000000Z"}, 403, `InvalidSignatureException`},
		{"logs for sagemaker", "POST", "/", "{}", []string{"X-Amz-Target", "Logs_20140328.FilterLogEvents"}, 403, `correct service: 'logs'`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, body := w.do(c.method, c.path, c.body, c.headers...)
			if status != c.status || !strings.Contains(body, c.want) {
				t.Errorf("%d %s, want %d %s", status, body, c.status, c.want)
			}
			if id := header.Get("x-amzn-RequestId"); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
				t.Errorf("the request id is %q", id)
			}
			if header.Get("Content-Type") != mediaType {
				t.Errorf("the content type is %q", header.Get("Content-Type"))
			}
		})
	}
	if status, _, body := w.do("POST", "/", `{"ModelName":"m"}`, "X-Amz-Target", "SageMaker.DeleteModel"); status != 200 || body != "" {
		t.Errorf("an empty answer is %d %q", status, body)
	}
}
