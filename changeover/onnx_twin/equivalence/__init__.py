"""The test that an estimator and its ONNX twin answer alike."""
