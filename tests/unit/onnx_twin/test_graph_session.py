"""The session of a checked graph: many rows of a wide graph are computed in parts, with equal results."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from changeover.onnx_model.scorer import OnnxModel
from changeover.onnx_twin import graph_session
from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_check import check_graph
from changeover.onnx_twin.graph_session import CELLS_AT_ONCE, open_session, rows_at_once
from changeover.schema.schema import Column, Schema
from tests.graphs import constant, model, node


def test_the_number_of_rows_of_one_run_follows_the_cells_of_a_row() -> None:
    assert rows_at_once(1) == CELLS_AT_ONCE
    assert rows_at_once(CELLS_AT_ONCE * 2) == 1


def test_rows_in_parts_have_the_answers_of_rows_together(monkeypatch: pytest.MonkeyPatch) -> None:
    content = model([node("ReduceSum", "x axes", keepdims=0)], [constant("axes", [1])]).SerializeToString()
    checked = check_graph(content)
    columns = {"a": list(map(float, range(10))), "b": [0.5] * 10}
    schema = Schema((Column("a"), Column("b")))
    together = OnnxModel(content, checked, schema, probabilities=False).score(columns, 10)
    monkeypatch.setattr(graph_session, "CELLS_AT_ONCE", 3)
    in_parts = OnnxModel(content, checked, schema, probabilities=False).score(columns, 10)
    assert in_parts == together
    assert together.labels == [value + 0.5 for value in columns["a"]]


def test_a_graph_that_onnxruntime_does_not_load_is_refused() -> None:
    made = model([node("MatMul", "x c")], [constant("c", np.ones((2, 1)), np.float64)])  # float32 by float64
    made.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, None))
    content = made.SerializeToString()
    check_graph(content)
    with pytest.raises(GraphRefused, match="cannot load the graph"):
        open_session(content)
