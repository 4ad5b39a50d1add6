#!/usr/bin/python3
"""Rebuilds this example: the model, the airports to score and the expected recommendations.

Data      flights-airport.csv and airports.csv from the npm package vega-datasets 3.2.1.
Model     EASE (Steck 2019): one item-item matrix in closed form, computed with numpy.
Writes    model/recommendations.onnx, data/*.jsonl, items.csv, expected.jsonl, tolerance.json
Run       apt-get install --no-install-recommends python3-onnx npm
          npm pack vega-datasets@3.2.1
          /usr/bin/python3 train.py vega-datasets-3.2.1.tgz

Nothing else is needed. Two runs give the same bytes.
"""
import csv
import io
import json
import os
import sys
import tarfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
WEEKLY = 52     # a route counts when it was flown at least 52 times in the year
LAMBDA = 50.0   # ridge penalty
K = 10
MARGIN = 2e-5   # neighbours in a ranking that are closer than this are not compared


def read(archive, name):
    with tarfile.open(archive) as t:
        return list(csv.DictReader(io.StringIO(t.extractfile("package/data/" + name).read().decode())))


def ease(x):
    """Item-item weights B: x @ B is the score of every item; an item says nothing about itself."""
    p = np.linalg.inv(x.T @ x + LAMBDA * np.eye(x.shape[1]))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return np.round(b, 6)  # the last bits of a matrix inverse depend on the machine


def top(scores, seen, k=K):
    """Best items first, those already served left out."""
    return np.argsort(-np.where(seen > 0, -1e9, scores), axis=1, kind="stable")[:, :k]


def recall(x, splits=10):
    """Hide a fifth of the routes, both directions, and count how many come back in the top 10."""
    ours, popular = [], []
    pairs = np.argwhere(np.triu((x + x.T) > 0, 1))
    for seed in range(splits):
        hidden = pairs[np.random.RandomState(seed).rand(len(pairs)) < 0.2]
        t, h = x.copy(), np.zeros_like(x)
        for a, b in hidden:
            h[a, b], h[b, a] = x[a, b], x[b, a]
            t[a, b] = t[b, a] = 0
        np.fill_diagonal(t, 1)
        some = h.sum(1) > 0
        possible = np.minimum(h.sum(1), K)[some]
        for scores, out in ((t @ ease(t), ours), (np.tile(t.sum(0), (len(t), 1)), popular)):
            hits = np.take_along_axis(h, top(scores, t), 1).sum(1)[some]
            out.append((hits / possible).mean())
    return np.mean(ours), np.mean(popular)


def to_onnx(b):
    """score = vector x matrix; what is served already goes to the bottom; the ten best."""
    n = len(b)
    init = [numpy_helper.from_array(b.astype(np.float32), "items"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(-1e9, np.float32), "bottom"),
            numpy_helper.from_array(np.array([K], np.int64), "k")]
    nodes = [helper.make_node("MatMul", ["vector", "items"], ["scores"]),
             helper.make_node("Greater", ["vector", "zero"], ["served"]),
             helper.make_node("Where", ["served", "bottom", "scores"], ["candidates"]),
             helper.make_node("TopK", ["candidates", "k"], ["score", "item"], axis=1, largest=1, sorted=1)]
    graph = helper.make_graph(
        nodes, "recommendations",
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["N", n])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", K]),
         helper.make_tensor_value_info("item", TensorProto.INT64, ["N", K])], init)
    proto = helper.make_model(graph, producer_name="crossbatch example", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 15)])
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def write(path, data):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def region(longitude):
    return "west" if longitude < -105 or longitude > 0 else "central" if longitude < -87 else "east"


def main(archive):
    routes = [(r["origin"], r["destination"]) for r in read(archive, "flights-airport.csv")
              if int(r["count"]) >= WEEKLY]
    about = {a["iata"]: a for a in read(archive, "airports.csv")}
    codes = sorted({c for route in routes for c in route})
    index = {c: i for i, c in enumerate(codes)}
    x = np.zeros((len(codes), len(codes)))
    for a, b in routes:
        x[index[a], index[b]] = 1

    ours, popular = recall(x)
    print("%d airports, %d routes; recall@10 %.3f, most connected airports %.3f"
          % (len(codes), len(routes), ours, popular))

    np.fill_diagonal(x, 1)  # an airport is never recommended to itself
    b = ease(x)
    write("model/recommendations.onnx", to_onnx(b))

    items = io.StringIO()
    w = csv.writer(items, lineterminator="\n")
    w.writerow(["item", "iata", "name", "city", "state"])
    for i, c in enumerate(codes):
        w.writerow([i, c] + [about[c][k] for k in ("name", "city", "state")])
    write("items.csv", items.getvalue())

    scores = x @ b.astype(np.float32).astype(np.float64)
    best = top(scores, x, K + 1)
    ranked = np.take_along_axis(scores, best, 1)
    clear = (-np.diff(ranked, axis=1)).min(1) > MARGIN
    shards, expected = {}, {}
    for i, c in enumerate(codes):
        name = region(float(about[c]["longitude"]))
        shards.setdefault(name, []).append(
            line({"user": c, "name": about[c]["name"], "vector": [int(v) for v in x[i]]}))
        if clear[i]:
            expected.setdefault(name, []).append(line({"key": c, "prediction": {
                "score": [round(float(v), 9) for v in ranked[i, :K]],
                "item": [int(v) for v in best[i, :K]]}}))
    for name in shards:
        write("data/%s.jsonl" % name, "".join(shards[name]))
    write("expected.jsonl", "".join("".join(expected[n]) for n in sorted(expected)))
    write("tolerance.json", json.dumps({"rtol": 1e-4, "atol": 1e-5, "exact": ["item"]}) + "\n")
    print({n: len(shards[n]) for n in sorted(shards)}, "expected", int(clear.sum()),
          "left out, too close", int((~clear).sum()))


main(sys.argv[1] if len(sys.argv) > 1 else "vega-datasets-3.2.1.tgz")
