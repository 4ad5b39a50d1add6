#!/usr/bin/python3
"""Rebuilds the models and the rows that the benchmark samples from.

Data      breast_cancer (569 x 30) and digits (1,797 x 64), as they come with scikit-learn 1.2.1.
Models    mlp.onnx    scikit-learn's MLP 30-32-1, on scaled features; the scaling is in the weights
          trees.onnx  100 boosted trees of depth 3, as one TreeEnsembleClassifier
          cnn.onnx    16 filters of 3x3 (k-means of patches), pooling, a logistic head
          free-*.onnx the same inputs and outputs with next to no work in between, answering
                      numbers with as many digits: what reading and writing alone costs
Writes    *.onnx, breast_cancer.csv.gz, digits.csv.gz
Run       apt-get install --no-install-recommends python3-sklearn python3-onnx
          /usr/bin/python3 generate.py

Two runs give the same bytes.
"""
import gzip
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
FILTERS = 16


def const(name, value, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def values(pairs):
    kinds = {"label": TensorProto.INT64}
    return [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), ["N"] + shape) for n, shape in pairs]


def save(name, inputs, outputs, nodes, consts=()):
    graph = helper.make_graph(nodes, name, values([inputs]), values(outputs), list(consts))
    proto = helper.make_model(graph, producer_name="crossbatch bench", ir_version=8, opset_imports=[
        helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)])
    onnx.checker.check_model(proto)
    with open(os.path.join(HERE, name + ".onnx"), "wb") as f:
        f.write(proto.SerializeToString(deterministic=True))


def save_rows(name, rows):
    text = "".join(",".join(repr(float(v)).removesuffix(".0") for v in row) + "\n" for row in rows)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(gzip.compress(text.encode(), 9, mtime=0))


def round_down(x):
    """The largest float32 that is not above x: `value <= threshold` then stays the same test."""
    f = np.float32(x)
    return float(np.nextafter(f, np.float32(-np.inf)) if float(f) > float(x) else f)


def mlp(x, y, xt, yt):
    scaler = StandardScaler().fit(x)
    m = MLPClassifier((32,), max_iter=600, alpha=3.0, random_state=0).fit(scaler.transform(x), y)
    print("mlp    AUC %.3f held out" % roc_auc_score(yt, m.predict_proba(scaler.transform(xt))[:, 1]))
    w1 = m.coefs_[0] / scaler.scale_[:, None]
    b1 = m.intercepts_[0] - scaler.mean_ @ w1
    save("mlp", ("features", [30]), [("probability", [1])], [
        helper.make_node("Gemm", ["features", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probability"])],
        [const("w1", w1), const("b1", b1), const("w2", m.coefs_[1]), const("b2", m.intercepts_[1])])


def trees(x, y, xt, yt):
    m = GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=0).fit(x, y)
    print("trees  AUC %.3f held out" % roc_auc_score(yt, m.predict_proba(xt)[:, 1]))
    n = {k: [] for k in ("nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes "
                         "nodes_truenodeids nodes_falsenodeids class_treeids class_nodeids class_ids class_weights").split()}
    for number, (estimator,) in enumerate(m.estimators_):
        t = estimator.tree_
        for i in range(t.node_count):
            leaf = t.children_left[i] < 0
            n["nodes_treeids"].append(number)
            n["nodes_nodeids"].append(i)
            n["nodes_featureids"].append(0 if leaf else int(t.feature[i]))
            n["nodes_values"].append(0.0 if leaf else round_down(t.threshold[i]))
            n["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            n["nodes_truenodeids"].append(0 if leaf else int(t.children_left[i]))
            n["nodes_falsenodeids"].append(0 if leaf else int(t.children_right[i]))
            if leaf:
                n["class_treeids"].append(number)
                n["class_nodeids"].append(i)
                n["class_ids"].append(0)
                n["class_weights"].append(float(t.value[i, 0, 0] * m.learning_rate))
    prior = float(np.log(y.mean() / (1 - y.mean())))
    save("trees", ("features", [30]), [("label", []), ("probabilities", [2])], [helper.make_node(
        "TreeEnsembleClassifier", ["features"], ["label", "probabilities"], domain="ai.onnx.ml",
        classlabels_int64s=[0, 1], post_transform="LOGISTIC", base_values=[prior], **n)])


def features(images, filters):
    """What the first half of cnn.onnx computes."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    maps = np.maximum(np.einsum("nhwij,fij->nfhw", windows, filters), 0)
    return maps.reshape(len(images), len(filters), 4, 2, 4, 2).max((3, 5)).reshape(len(images), -1)


def cnn(x, y):
    images = x.reshape(-1, 8, 8) / 16
    patches = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    patches = patches[::7] - patches[::7].mean(1, keepdims=True)
    f = KMeans(FILTERS, n_init=3, random_state=0).fit(patches).cluster_centers_
    f = np.round(f / (np.linalg.norm(f, axis=1, keepdims=True) + 1e-3), 4).reshape(-1, 3, 3)
    train, test, yt, ye = train_test_split(features(images, f), y, random_state=0)
    head = LogisticRegression(max_iter=2000, C=0.3).fit(train, yt)
    print("cnn    accuracy %.3f held out" % head.score(test, ye))
    save("cnn", ("image", [1, 8, 8]), [("probabilities", [10])], [
        helper.make_node("Conv", ["image", "filters"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w", "b"], ["z"]),
        helper.make_node("Softmax", ["z"], ["probabilities"], axis=1)],
        [const("filters", f[:, None] / 16), const("w", head.coef_.T), const("b", head.intercept_)])


def free():
    """Outputs that are elements of the input, times a number that gives them all their digits."""
    def cut(source, out, columns):
        return [helper.make_node("Slice", [source, "from", columns, "axis"], [out + "_"]),
                helper.make_node("Mul", [out + "_", "scale"], [out])]
    consts = [const("from", [0], np.int64), const("axis", [1], np.int64), const("scale", 0.01234567)]

    def width(n):
        return const("n%d" % n, [n], np.int64)
    save("free-mlp", ("features", [30]), [("probability", [1])], cut("features", "probability", "n1"), consts + [width(1)])
    save("free-trees", ("features", [30]), [("label", []), ("probabilities", [2])],
         cut("features", "probabilities", "n2") + [
             helper.make_node("Slice", ["features", "from", "n1", "axis"], ["first"]),
             helper.make_node("Squeeze", ["first", "axis"], ["flat"]),
             helper.make_node("Cast", ["flat"], ["label"], to=TensorProto.INT64)],
         consts + [width(1), width(2)])
    save("free-cnn", ("image", [1, 8, 8]), [("probabilities", [10])],
         [helper.make_node("Flatten", ["image"], ["pixels"], axis=1)]
         + [helper.make_node("Slice", ["pixels", "middle", "n44", "axis"], ["ten"]),
            helper.make_node("Add", ["ten", "scale"], ["more"]),  # most pixels are 0, which is a short text
            helper.make_node("Mul", ["more", "scale"], ["probabilities"])],
         consts[1:] + [const("middle", [34], np.int64), width(44)])


def main():
    x, y = load_breast_cancer(return_X_y=True)
    x = x.astype(np.float64)
    save_rows("breast_cancer.csv.gz", x)
    train, test, yt, ye = train_test_split(x.astype(np.float32), y, random_state=0)
    mlp(train, yt, test, ye)
    trees(train, yt, test, ye)
    x, y = load_digits(return_X_y=True)
    save_rows("digits.csv.gz", x)
    cnn(x, y)
    free()


main()
