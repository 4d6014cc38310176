"""The yardstick: a bare Flask hello, and one that reads the JSON it is sent."""

from flask import Flask, request

app = Flask(__name__)


@app.post("/hello")
def hello() -> dict[str, str]:
    return {"hello": "world"}


@app.post("/predict")
def read() -> dict[str, str]:
    request.get_json()
    return {"hello": "world"}
