// The same scoring job, written the usual way in Node: readline, JSON.parse, and
// onnxruntime-node with batches of 256. It parses on while a batch is scored.
//
//   node peer.mjs MODEL INPUT OUTPUT TENSOR SHAPE OUTPUTS
//
// SHAPE is that of a record ("30" or "1,8,8"); an INPUT that ends in .csv has the
// columns id,f0,f1,...
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import ort from "onnxruntime-node";

const [model, input, output, tensor, shapeText, outputText] = process.argv.slice(2);
const shape = shapeText.split(",").map(Number);
const outputs = outputText.split(",");
const width = shape.reduce((a, b) => a * b, 1);
const batchSize = 256;
const mostWaiting = 64; // batches between the parser and the model; fewer are slower

const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const out = createWriteStream(output);
const lines = createInterface({ input: createReadStream(input, { highWaterMark: 1 << 20 }), crlfDelay: Infinity });

const newBatch = () => ({ keys: [], data: new Float32Array(batchSize * width) });

function addJSON(batch, line) {
  const record = JSON.parse(line);
  batch.data.set(record.features, batch.keys.length * width);
  batch.keys.push(record.id);
}

function addCSV(batch, line) {
  const cells = line.split(",");
  const at = batch.keys.length * width;
  for (let i = 0; i < width; i++) batch.data[at + i] = Number(cells[i + 1]);
  batch.keys.push(cells[0]);
}

async function score({ keys, data }) {
  const n = keys.length;
  const answer = await session.run({ [tensor]: new ort.Tensor("float32", data.subarray(0, n * width), [n, ...shape]) }, outputs);
  let text = "";
  for (let i = 0; i < n; i++) {
    const prediction = {};
    for (const name of outputs) {
      const { data, dims } = answer[name];
      const w = data.length / n;
      prediction[name] = dims.length === 1 ? Number(data[i]) : Array.from(data.subarray(i * w, (i + 1) * w));
    }
    text += JSON.stringify({ key: keys[i], prediction }) + "\n";
  }
  if (!out.write(text)) await once(out, "drain");
}

const csv = input.endsWith(".csv");
const add = csv ? addCSV : addJSON;
let header = csv;
let batch = newBatch();
let waiting = 0;
let closed = false;
let running = Promise.resolve();

function flush() {
  const full = batch;
  batch = newBatch();
  if (++waiting >= mostWaiting) lines.pause();
  running = running.then(async () => {
    await score(full);
    if (--waiting < mostWaiting && !closed) lines.resume();
  });
}

lines.on("line", (line) => {
  if (header) {
    header = false;
    return;
  }
  add(batch, line);
  if (batch.keys.length === batchSize) flush();
});
await once(lines, "close");
closed = true;
if (batch.keys.length > 0) flush();
await running;
out.end();
await once(out, "finish");
