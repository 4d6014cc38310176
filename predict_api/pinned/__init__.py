"""Pinned mode: one artifact from a file, verified against MODEL_SHA256 and served without model_server."""
