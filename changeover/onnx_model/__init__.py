"""ONNX files as versions of their own: the schema and the answers of a graph that its publisher exported.

skl2onnx and onnxmltools write such graphs. `signature.py` reads what a graph takes and gives, `scorer.py` computes its
answers, `examine.py` makes the members of a manifest. No code of a model runs: a graph is data.
"""
