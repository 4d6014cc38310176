"""The onnxruntime session of a checked graph: one thread, no telemetry, no file, never onnxruntime's own format."""

from typing import Any, Final

from changeover.onnx_twin.exceptions import GraphRefused

_LONGEST_REASON: Final = 300
CELLS_AT_ONCE: Final = 16_000_000  # 128 MB of doubles, half a gigabyte of strings; more rows are computed in parts


def open_session(content: bytes) -> Any:
    """A session of a graph that `check_graph` has passed; raises GraphRefused if onnxruntime cannot load it."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # 4: fatal only; errors are raised as exceptions
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise GraphRefused(
            f"onnxruntime cannot load the graph: {' '.join(str(error).split())[:_LONGEST_REASON]}"
        ) from error


def rows_at_once(cells_a_row: int) -> int:
    """The number of rows of one run of a graph whose values have so many cells for each row."""
    return max(1, CELLS_AT_ONCE // max(1, cells_a_row))
