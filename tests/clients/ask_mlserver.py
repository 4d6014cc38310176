"""The calls of MLServer's codecs, which make and read bodies that the caller sends, for the environment `mlserver`."""

import json
import urllib.request

import numpy as np
import pandas as pd
from calls import LABELS, R1, R2, Calls, expect, report
from mlserver.codecs import NumpyRequestCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse


def sent(url: str, model: str, request: InferenceRequest) -> InferenceResponse:
    body = request.model_dump_json(exclude_none=True).encode()
    headers = {"Content-Type": "application/json"}
    post = urllib.request.Request(f"{url}/v2/models/{model}/infer", data=body, headers=headers)
    with urllib.request.urlopen(post, timeout=30) as response:
        return InferenceResponse.model_validate_json(response.read())


def frame(url: str) -> None:
    rows = pd.DataFrame([R1, R2]).astype({"plan": object})  # the codec does not know the strings of pandas 3
    answer = sent(url, "churn", PandasCodec.encode_request(rows, use_bytes=False))
    labels = StringCodec.decode_output(answer.outputs[0])
    expect(labels == LABELS, labels)


def matrix(url: str) -> None:
    with urllib.request.urlopen(f"{url}/models/wine", timeout=30) as response:
        row = json.loads(response.read())["example"]["input"]
    rows = np.array([list(row.values())] * 2, dtype=np.float64)
    answer = sent(url, "wine", NumpyRequestCodec.encode_request(rows))
    expect(answer.outputs[0].shape == [2, 1], answer.outputs[0])


def metadata(url: str) -> None:
    with urllib.request.urlopen(f"{url}/v2/models/churn", timeout=30) as response:
        told = MetadataModelResponse.model_validate_json(response.read())
    expect([tensor.name for tensor in told.inputs or []] == list(R1), told)


CALLS: Calls = {
    "`PandasCodec`: a frame with strings; labels by `StringCodec`": frame,
    "`NumpyRequestCodec`: a matrix of numbers": matrix,
    "the metadata, as `MetadataModelResponse`": metadata,
}

if __name__ == "__main__":
    report(CALLS)
