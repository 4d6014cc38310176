"""The export of a fitted pipeline as an ONNX graph."""
