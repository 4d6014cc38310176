"""The ONNX twin: a fitted estimator as an ONNX graph that answers a row in tens of microseconds.

`changeover.onnx_twin.export.convert` exports it, `changeover.onnx_twin.equivalence.compare` compares it with the
estimator on sample rows, and `changeover.onnx_twin.session` runs it. It leaves a row to the estimator if equal answers
are not certain. Costly libraries (skl2onnx, onnx, onnxruntime) are imported at their first use.
"""
