"""The equivalence test of an estimator and its ONNX twin."""
