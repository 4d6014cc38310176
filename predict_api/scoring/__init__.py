"""Scoring: ONNX twins in the worker, the model's own code in scorer processes, and micro-batching."""
