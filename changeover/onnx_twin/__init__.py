"""The ONNX twin: a fitted estimator as an ONNX graph that answers a row in tens of microseconds.

`changeover.onnx_twin.export.convert` makes it, `changeover.onnx_twin.equivalence.compare` shows that it answers as the estimator does, and
`changeover.onnx_twin.session` runs it. A row for which equality cannot be promised is not answered but left to the estimator.
What is costly to import (skl2onnx, onnx, onnxruntime) is imported when it is used.
"""
