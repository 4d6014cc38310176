"""The check of a graph's encoding: what the bytes must be before a library parses them."""

import subprocess
import sys

import onnx
import pytest

from changeover.onnx_twin.exceptions import GraphRefused
from changeover.onnx_twin.graph_check import check_graph
from tests.graphs import model, node


def test_bytes_that_onnxruntime_would_read_in_its_own_format_are_refused() -> None:
    content = model([node("Identity")])
    content.producer_name = ""
    polyglot = b"\x12\x10" + b"\0\0ORTM" + b"\0" * 10 + content.SerializeToString()  # as the producer's name
    onnx.ModelProto.FromString(polyglot)
    with pytest.raises(GraphRefused, match="format of onnxruntime"):
        check_graph(polyglot)


def test_a_graph_is_refused_by_its_size_before_it_is_parsed() -> None:
    with pytest.raises(GraphRefused, match="at most 10 are taken"):
        check_graph(b"x" * 11, largest=10)


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(GraphRefused, match="not UTF-8"):
        check_graph(b"\x12\x01\xff" + model([node("Identity")]).SerializeToString())


def test_a_part_that_may_occur_once_is_refused_twice() -> None:
    content = model([node("Identity")]).SerializeToString()
    with pytest.raises(GraphRefused, match="field 7 twice"):
        check_graph(content + b"\x3a\x00")


def test_a_file_of_empty_parts_is_refused_before_they_take_memory() -> None:
    empty = b"\x0a\x00" * 510_000  # nodes
    size = len(empty)
    length = bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14 & 0x7F | 0x80, size >> 21])
    with pytest.raises(GraphRefused, match="more than 500000 parts"):
        check_graph(b"\x3a" + length + empty)


def test_a_check_imports_the_messages_of_onnx_alone() -> None:
    code = (
        "import sys; from changeover.onnx_twin.graph_check import check_graph\n"
        "check_graph(sys.stdin.buffer.read())\n"
        "print([name for name in ('onnx', 'onnxruntime', 'sklearn', 'pandas', 'joblib', 'scipy') if name in sys.modules])"
    )
    content = model([node("Identity")]).SerializeToString()
    ended = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert ended.stdout.strip() == b"[]"
