#!/usr/bin/python3
"""Rebuilds this example: the model, the days to forecast and the expected forecasts.

Data      Chicago from the R package modeldata 1.1.0 (Debian 12: r-cran-modeldata 1.1.0-1).
Model     scikit-learn 1.2.1, one ridge regression a weekday, written as an ONNX graph by hand.
Writes    model/forecast.onnx, features.json, data/*/*.csv, expected.jsonl, tolerance.json
Run       apt-get install --no-install-recommends r-cran-modeldata python3-sklearn python3-onnx
          /usr/bin/python3 train.py

Nothing else is needed. Two runs give the same bytes.
"""
import csv
import datetime
import io
import json
import os
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import Ridge

HERE = os.path.dirname(os.path.abspath(__file__))
LAGS, HORIZON, EVERY = 28, 7, 4
OFFSET = 50.0  # riders added to a station's mean, so that a closed station does not divide by zero
DAY = datetime.timedelta(1)
SPLIT = datetime.date(2015, 8, 1)  # trained on the six years before, scored after

R = ('x <- as.data.frame(modeldata::Chicago); x$date <- as.character(x$date); '
     'write.csv(x[c("date", modeldata::stations)], stdout(), row.names = FALSE)')

DOWNTOWN = ["Clark_Lake", "Clinton", "Merchandise_Mart", "Monroe", "Quincy_Wells", "Washington_Wells"]
FEATURES = {"history": ["lag_%d" % i for i in range(LAGS, 0, -1)],
            "holidays": ["holiday_%d" % i for i in range(-LAGS, HORIZON)]}


def holidays(year):
    """Days on which Chicago rides less."""
    def nth(month, weekday, k):
        d = datetime.date(year, month, 1)
        return d + DAY * ((weekday - d.weekday()) % 7 + 7 * (k - 1))
    may = datetime.date(year, 5, 31)
    thanksgiving = nth(11, 3, 4)
    fixed = [datetime.date(year, m, d) for m, d in ((1, 1), (7, 4), (12, 24), (12, 25), (12, 31))]
    return fixed + [nth(1, 0, 3), nth(2, 0, 3), may - DAY * may.weekday(), nth(9, 0, 1),
                    thanksgiving, thanksgiving + DAY]


HOLIDAYS = {d for year in range(2000, 2018) for d in holidays(year)}


def read():
    """Daily riders by station. The package keeps the station columns 14 days late: we move them back."""
    text = subprocess.run(["Rscript", "--vanilla", "-e", R], check=True, stdout=subprocess.PIPE).stdout
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    stations = [c for c in rows[0] if c != "date"]
    first = datetime.date.fromisoformat(rows[0]["date"]) - 14 * DAY
    assert datetime.date.fromisoformat(rows[-1]["date"]) - 14 * DAY == first + (len(rows) - 1) * DAY
    riders = np.array([[round(1000 * float(r[s])) for s in stations] for r in rows])
    return stations, first, riders


def examples(days, first, riders):
    """One row a (day, station): what is known that morning, and the seven days to come."""
    history, holiday, weekday, actual = [], [], [], []
    for t in days:
        day = first + int(t) * DAY
        flags = [float(day + i * DAY in HOLIDAYS) for i in range(-LAGS, HORIZON)]
        for s in range(riders.shape[1]):
            history.append(riders[t - LAGS:t, s])
            holiday.append(flags)
            weekday.append(day.weekday())
            actual.append(riders[t:t + HORIZON, s])
    return [np.array(v, np.float64) for v in (history, holiday)] + [np.array(weekday), np.array(actual, np.float64)]


def to_onnx(coef, bias):
    """Scale by the station's mean, apply the weekday's regression, scale back; never below zero."""
    def const(name, value, kind=np.float32):
        return numpy_helper.from_array(np.array(value, kind), name)
    init = [const("average", np.full((LAGS, 1), 1.0 / LAGS)), const("offset", OFFSET), const("zero", 0),
            const("coef", coef), const("bias", bias), const("one", [1], np.int64)]
    nodes = [helper.make_node("MatMul", ["history", "average"], ["mean"]),
             helper.make_node("Add", ["mean", "offset"], ["scale"]),
             helper.make_node("Div", ["history", "scale"], ["shape"]),
             helper.make_node("Concat", ["shape", "holidays"], ["flat"], axis=1),
             helper.make_node("Unsqueeze", ["flat", "one"], ["row"]),            # [N,1,63]
             helper.make_node("Gather", ["coef", "weekday"], ["weights"]),       # [N,63,7]
             helper.make_node("MatMul", ["row", "weights"], ["product"]),        # [N,1,7]
             helper.make_node("Squeeze", ["product", "one"], ["sum"]),
             helper.make_node("Gather", ["bias", "weekday"], ["intercept"]),
             helper.make_node("Add", ["sum", "intercept"], ["relative"]),
             helper.make_node("Mul", ["relative", "scale"], ["riders"]),
             helper.make_node("Max", ["riders", "zero"], ["demand"])]
    graph = helper.make_graph(
        nodes, "forecast",
        [helper.make_tensor_value_info("history", TensorProto.FLOAT, ["N", LAGS]),
         helper.make_tensor_value_info("holidays", TensorProto.FLOAT, ["N", LAGS + HORIZON]),
         helper.make_tensor_value_info("weekday", TensorProto.INT64, ["N"])],
        [helper.make_tensor_value_info("demand", TensorProto.FLOAT, ["N", HORIZON])], init)
    proto = helper.make_model(graph, producer_name="crossbatch example", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 15)])
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def write(path, data):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def main():
    stations, first, riders = read()
    split = (SPLIT - first).days
    history, holiday, weekday, actual = examples(range(split - 6 * 365, split - HORIZON), first, riders)
    scale = history.mean(1, keepdims=True) + OFFSET
    x, y = np.hstack([history / scale, holiday]), actual / scale
    models = [Ridge(alpha=3.0).fit(x[weekday == d], y[weekday == d]) for d in range(7)]
    # the last bits of a least-squares solution depend on the machine
    coef = np.round([m.coef_.T for m in models], 6)
    bias = np.round([m.intercept_ for m in models], 6)
    write("model/forecast.onnx", to_onnx(coef, bias))
    for m, c, b in zip(models, coef, bias):
        m.coef_, m.intercept_ = c.T, b

    days = range(split, len(riders) - HORIZON, EVERY)
    history, holiday, weekday, actual = examples(days, first, riders)
    scale = history.mean(1, keepdims=True) + OFFSET
    x = np.hstack([history / scale, holiday])
    demand = np.array([models[d].predict(v[None])[0] for v, d in zip(x, weekday)])
    demand = np.maximum(demand * scale, 0)
    for name, f in (("model", demand), ("same day last week", history[:, -HORIZON:]),
                    ("mean of four weeks", history.reshape(-1, 4, 7).mean(1))):
        e = np.abs(f - actual)
        print("%-20s mean error %.0f riders a day, %.1f %% of all riders" % (name, e.mean(), 100 * e.sum() / actual.sum()))

    shards, expected, i = {}, {}, 0
    for t in days:
        day = first + t * DAY
        for station in stations:
            area = "downtown" if station in DOWNTOWN else "neighborhoods"
            name = "%s/%d" % (area, day.year)
            shards.setdefault(name, []).append([station, day.isoformat(), int(weekday[i])]
                                               + [int(v) for v in history[i]] + [int(v) for v in holiday[i]])
            expected.setdefault(name, []).append(json.dumps({
                "key": [station, day.isoformat()],
                "prediction": {"demand": [round(float(v), 3) for v in demand[i]]}}, separators=(",", ":")) + "\n")
            i += 1
    for name in sorted(shards):
        out = io.StringIO()
        w = csv.writer(out, lineterminator="\n")
        w.writerow(["station", "date", "weekday"] + FEATURES["history"] + FEATURES["holidays"])
        w.writerows(shards[name])
        write("data/%s.csv" % name, out.getvalue())
        print("data/%s.csv" % name, len(shards[name]))
    write("features.json", json.dumps(FEATURES, indent=2) + "\n")
    write("expected.jsonl", "".join("".join(expected[n]) for n in sorted(expected)))
    write("tolerance.json", json.dumps({"rtol": 1e-4, "atol": 0.1}) + "\n")


main()
