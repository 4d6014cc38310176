"""The calls of `tritonclient.http`, for the environment `tritonclient`."""

import numpy as np
import tritonclient.http as triton
from calls import LABELS, R1, R2, Calls, expect, report
from tritonclient.utils import InferenceServerException

TYPES = {
    "age": ("INT64", np.int64),
    "income": ("FP64", np.float64),
    "plan": ("BYTES", object),
    "member": ("BOOL", bool),
}


def client(url: str) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(url.removeprefix("http://"))


def inputs(*names: str, binary: bool = True) -> list[triton.InferInput]:
    tensors = []
    for name in names or TYPES:
        datatype, dtype = TYPES[name]
        tensors.append(triton.InferInput(name, [2, 1], datatype))
        cells = np.array([[R1[name]], [R2[name]]], dtype=dtype)
        tensors[-1].set_data_from_numpy(cells, binary_data=binary)
    return tensors


def labels(result: triton.InferResult) -> list[str]:
    found = result.as_numpy("predict").reshape(-1).tolist()
    return [label.decode() if isinstance(label, bytes) else label for label in found]


def live(url: str) -> None:
    one = client(url)
    expect(one.is_server_live() and one.is_server_ready() and one.is_model_ready("churn"), False)
    expect(not one.is_model_ready("nope"), True)
    columns = [tensor["name"] for tensor in one.get_model_metadata("churn")["inputs"]]
    expect(columns == list(R1), columns)


def json_tensors(url: str) -> None:
    outputs = [triton.InferRequestedOutput(name, binary_data=False) for name in ("predict", "predict_proba")]
    result = client(url).infer("churn", inputs(binary=False), outputs=outputs)
    expect(labels(result) == LABELS, labels(result))
    expect(result.as_numpy("predict_proba").shape == (2, 2), result.get_response())


def as_it_comes(url: str) -> None:
    result = client(url).infer("churn", inputs())
    expect(labels(result) == LABELS, labels(result))
    expect(result.as_numpy("predict_proba").shape == (2, 2), result.get_response())


def compressed(url: str) -> None:
    result = client(url).infer("churn", inputs(), request_compression_algorithm="gzip")
    expect(labels(result) == LABELS, labels(result))


def index(url: str) -> None:
    listed = client(url).get_model_repository_index()
    expect(("churn", "READY") in [(model["name"], model["state"]) for model in listed], listed)


def lacks_columns(url: str) -> None:
    try:
        client(url).infer("churn", inputs("age"))
    except InferenceServerException as error:
        expect(all(name in str(error) for name in ("income", "plan", "member")), error)
    else:
        raise AssertionError("an answer came")


def by_version(url: str) -> None:
    one = client(url)
    (version,) = one.get_model_metadata("churn")["versions"]
    expect(labels(one.infer("churn", inputs(), model_version=version)) == LABELS, "other labels")
    expect(not one.is_model_ready("churn", "0" * 64), "another version is ready")


CALLS: Calls = {
    "live, ready, model ready, metadata": live,
    "`infer`, JSON tensors, outputs named": json_tensors,
    "`infer` as it comes: raw tensors in and out, strings too; labels and probabilities": as_it_comes,
    "`infer`, body by gzip (`GZIP_BODIES=true`)": compressed,
    "`get_model_repository_index`": index,
    "`infer` without three columns: an error that names them": lacks_columns,
    "`infer` by exactly one version": by_version,
}

if __name__ == "__main__":
    report(CALLS)
