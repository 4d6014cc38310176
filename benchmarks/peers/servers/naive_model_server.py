"""The simplest model server: it serves a pickle and its hash."""

import hashlib
import os
from pathlib import Path

from flask import Flask, Response, jsonify

app = Flask(__name__)
content = Path(os.environ["MODEL_FILE"]).read_bytes()


@app.get("/hash")
def model_hash() -> Response:
    return jsonify({"hash": hashlib.sha256(content).hexdigest()})


@app.get("/model")
def model() -> Response:
    return Response(content, mimetype="application/octet-stream")
