#!/usr/bin/python3
"""Rebuilds this example: the model, the customers to score and the expected scores.

Data      wa_churn from the R package modeldata 1.1.0 (Debian 12: r-cran-modeldata 1.1.0-1).
Model     scikit-learn 1.2.1, HistGradientBoostingClassifier, written as an ONNX graph by hand.
Writes    model/propensity.onnx, data/customers-*.csv, expected.jsonl, tolerance.json
Run       apt-get install --no-install-recommends r-cran-modeldata python3-sklearn python3-onnx
          /usr/bin/python3 train.py

Nothing else is needed. Two runs give the same bytes.
"""
import csv
import io
import json
import os
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

HERE = os.path.dirname(os.path.abspath(__file__))
SHARDS, SHARD_ROWS = 4, 1000       # 4,000 customers are held out and scored
BROKEN = (2, 500, "monthly_charges", "n/a")  # shard, row, column, cell: broken on purpose

R = 'write.csv(modeldata::wa_churn, stdout(), row.names = FALSE, na = "")'

YES_NO = ["partner", "dependents", "phone_service", "paperless_billing"]  # 0 or 1 already
ADD_ONS = ["multiple_lines", "online_security", "online_backup", "device_protection",
           "tech_support", "streaming_tv", "streaming_movies"]  # Yes, No, No ... service
CONTRACT = {"Month-to-month": "1", "One year": "12", "Two year": "24"}

FEATURES = (["tenure_months", "monthly_charges", "total_charges", "contract_months"] + YES_NO
            + ["dsl", "fiber"] + ADD_ONS + ["electronic_check", "automatic_payment"])


def customer(number, row):
    """One row of the package's table -> one row of our CSV. Gender and age group are left out."""
    c = {"customer": "%04d" % number, "contract": row["contract"]}
    c["tenure_months"] = row["tenure"]
    c["monthly_charges"] = row["monthly_charges"]
    c["total_charges"] = row["total_charges"]  # empty for 11 customers
    c["contract_months"] = CONTRACT[row["contract"]]
    c.update({k: row[k] for k in YES_NO})
    c["dsl"] = str(int(row["internet_service"] == "DSL"))
    c["fiber"] = str(int(row["internet_service"] == "Fiber optic"))
    c.update({k: str(int(row[k] == "Yes")) for k in ADD_ONS})
    c["electronic_check"] = str(int(row["payment_method"] == "Electronic check"))
    c["automatic_payment"] = str(int("automatic" in row["payment_method"]))
    c["churned"] = str(int(row["churn"] == "Yes"))
    return c


def matrix(customers):
    """The features as the scorer will see them: float32, an empty cell is NaN."""
    return np.array([[float(c[f] or "nan") for f in FEATURES] for c in customers], np.float32)


def round_down(x):
    """The largest float32 that is not above x: `value <= threshold` then stays the same test."""
    f = np.float32(x)
    return float(np.nextafter(f, np.float32(-np.inf)) if float(f) > float(x) else f)


def to_onnx(model):
    """The boosted trees as one TreeEnsembleClassifier node."""
    n = {k: [] for k in ("nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes "
                         "nodes_truenodeids nodes_falsenodeids nodes_missing_value_tracks_true "
                         "class_treeids class_nodeids class_ids class_weights").split()}
    for tree, (predictor,) in enumerate(model._predictors):
        for i, node in enumerate(predictor.nodes):
            leaf = bool(node["is_leaf"])
            n["nodes_treeids"].append(tree)
            n["nodes_nodeids"].append(i)
            n["nodes_featureids"].append(0 if leaf else int(node["feature_idx"]))
            n["nodes_values"].append(0.0 if leaf else round_down(node["num_threshold"]))
            n["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            n["nodes_truenodeids"].append(0 if leaf else int(node["left"]))
            n["nodes_falsenodeids"].append(0 if leaf else int(node["right"]))
            n["nodes_missing_value_tracks_true"].append(0 if leaf else int(node["missing_go_to_left"]))
            if leaf:
                n["class_treeids"].append(tree)
                n["class_nodeids"].append(i)
                n["class_ids"].append(0)  # binary: one score, that of the second class
                n["class_weights"].append(float(node["value"]))
    trees = helper.make_node(
        "TreeEnsembleClassifier", ["features"], ["label", "probabilities"], domain="ai.onnx.ml",
        name="trees", classlabels_int64s=[0, 1], post_transform="LOGISTIC",
        base_values=[float(model._baseline_prediction.ravel()[0])], **n)
    graph = helper.make_graph(
        [trees], "propensity",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(FEATURES)])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
         helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])])
    proto = helper.make_model(graph, producer_name="crossbatch example", ir_version=8, opset_imports=[
        helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)])
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


def write(path, data):
    path = os.path.join(HERE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def main():
    text = subprocess.run(["Rscript", "--vanilla", "-e", R], check=True, stdout=subprocess.PIPE).stdout
    rows = [customer(i + 1, r) for i, r in enumerate(csv.DictReader(io.StringIO(text.decode())))]
    assert len(rows) == 7043
    order = np.random.RandomState(7).permutation(len(rows))
    scored = [rows[i] for i in sorted(order[:SHARDS * SHARD_ROWS])]
    train = [rows[i] for i in sorted(order[SHARDS * SHARD_ROWS:])]

    x, y = matrix(train).astype(np.float64), np.array([int(c["churned"]) for c in train])
    model = HistGradientBoostingClassifier(max_iter=90, learning_rate=0.05, max_leaf_nodes=7,
                                           min_samples_leaf=30, l2_regularization=2.0,
                                           early_stopping=False, random_state=0).fit(x, y)
    write("model/propensity.onnx", to_onnx(model))

    x, y = matrix(scored).astype(np.float64), np.array([int(c["churned"]) for c in scored])
    p = model.predict_proba(x)
    print("trained on %d, scored %d held-out customers, %d of them without total_charges"
          % (len(train), len(scored), np.isnan(x).any(axis=1).sum()))
    top = np.argsort(-p[:, 1])[:400]
    print("churned %.3f  AUC %.3f  average precision %.3f  churned in the top tenth %.3f"
          % (y.mean(), roc_auc_score(y, p[:, 1]), average_precision_score(y, p[:, 1]), y[top].mean()))

    expected = []
    for shard in range(SHARDS):
        out = io.StringIO()
        w = csv.DictWriter(out, ["customer", "contract"] + FEATURES + ["churned"], lineterminator="\n")
        w.writeheader()
        for row in range(SHARD_ROWS):
            i = shard * SHARD_ROWS + row
            cells = dict(scored[i])
            if (shard, row) == BROKEN[:2]:
                cells[BROKEN[2]] = BROKEN[3]
                print("broken on purpose: customers-%d.csv row %d, customer %s" % (shard, row, cells["customer"]))
            elif abs(p[i, 1] - 0.5) > 1e-4:  # a label that rounding could flip is not compared
                expected.append({"key": cells["customer"], "prediction": {
                    "label": int(p[i, 1] > 0.5), "probabilities": [float(v) for v in p[i]]}})
            w.writerow(cells)
        write("data/customers-%d.csv" % shard, out.getvalue())
    write("expected.jsonl", "".join(json.dumps(e, separators=(",", ":")) + "\n" for e in expected))
    write("tolerance.json", json.dumps({"rtol": 1e-4, "atol": 1e-5, "exact": ["label"]}) + "\n")
    print("%d expected records" % len(expected))


main()
