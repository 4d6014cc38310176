"""The peers, each set up as its own documentation recommends for a few cores; README.md quotes what it goes by."""

import json
import shutil
from typing import Any, Final

from benchmarks.peers.environments import run
from benchmarks.peers.ours import CHANGEOVER, HELLO, HELLO_JSON, WITHOUT_TWIN
from benchmarks.peers.peer import SERVERS, Given, Peer
from benchmarks.peers.serving import Serving
from changeover.json_types import Json, JsonObject

BATCH: Final = 32  # rows at most that a peer's own batching joins
PREPARE_SECONDS: Final = 180.0


def start_mlflow(serving: Serving, given: Given) -> None:
    """`mlflow models serve` over a saved model with a signature."""
    saved, rows = given.work / "mlflow_model", given.files / "typed.pickle"
    shutil.rmtree(saved, ignore_errors=True)
    variables = given.variables(MLFLOW_TRACKING_URI=f"sqlite:///{given.work / 'mlflow.db'}")
    saving = [given.python, str(SERVERS / "mlflow_model.py"), variables["MODEL_FILE"], str(rows), str(saved)]
    run(saving, serving.log, PREPARE_SECONDS, variables)
    command = [str(given.environment.binaries / "mlflow"), "models", "serve", "-m", str(saved), "-h", "127.0.0.1"]
    command += ["-p", str(given.port), "--env-manager", "local", "--workers", str(given.workers)]
    serving.start(command, given.work, variables)


def mlflow_body(row: JsonObject) -> Json:
    """A frame in pandas' split form."""
    return {"dataframe_split": {"columns": list[Json](row), "data": [list(row.values())]}}


def start_mlserver(serving: Serving, given: Given) -> None:
    """`mlserver start` over a folder with two settings files."""
    _mlserver(serving, given, {})


def start_mlserver_batching(serving: Serving, given: Given) -> None:
    """The same with adaptive batching."""
    _mlserver(serving, given, {"max_batch_size": BATCH, "max_batch_time": 0.005})


def _mlserver(serving: Serving, given: Given, batching: JsonObject) -> None:
    http, grpc, metrics = given.ports
    server: JsonObject = {"debug": False, "host": "127.0.0.1", "http_port": http, "grpc_port": grpc}
    server |= {"metrics_port": metrics, "parallel_workers": given.workers}
    uri = given.variables()["MODEL_FILE"]
    model: JsonObject = {"name": "model", "implementation": "mlserver_sklearn.SKLearnModel"}
    model |= {"parameters": {"uri": uri, "content_type": "pd"}, **batching}
    for name, content in (("settings", server), ("model-settings", model)):
        (given.work / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    serving.start([str(given.environment.binaries / "mlserver"), "start", "."], given.work, given.variables())


def mlserver_body(row: JsonObject) -> Json:
    """The Open Inference Protocol: an input for each column of a frame."""
    columns: list[Json] = []
    for name, value in row.items():
        column: JsonObject = {"name": name, "shape": [1, 1], "data": [value]}
        text: JsonObject = {"datatype": "BYTES", "parameters": {"content_type": "str"}}
        columns.append(column | (text if isinstance(value, str) else {"datatype": "FP64"}))
    return {"parameters": {"content_type": "pd"}, "inputs": columns, "outputs": [{"name": "predict_proba"}]}


def start_bentoml(serving: Serving, given: Given) -> None:
    """`bentoml serve` over a service class."""
    _bentoml(serving, given, 1)


def start_bentoml_batching(serving: Serving, given: Given) -> None:
    """The same with adaptive batching."""
    _bentoml(serving, given, BATCH)


def _bentoml(serving: Serving, given: Given, batch: int) -> None:
    command = [str(given.environment.binaries / "bentoml"), "serve", "bentoml_service:Predictor", "--quiet"]
    command += ["--working-dir", str(SERVERS), "--host", "127.0.0.1", "--port", str(given.port)]
    variables = given.variables(BENTOML_HOME=str(given.work / "bentoml"), BATCH=str(batch))
    serving.start(command, given.work, variables)


def start_litserve(serving: Serving, given: Given) -> None:
    """A LitServer with workers for the processor."""
    serving.start([given.python, str(SERVERS / "litserve_server.py")], given.work, given.variables())


def start_litserve_batching(serving: Serving, given: Given) -> None:
    """The same with dynamic batching."""
    batching = given.variables(BATCH=str(BATCH))
    serving.start([given.python, str(SERVERS / "litserve_server.py")], given.work, batching)


def start_fastapi(serving: Serving, given: Given) -> None:
    """Uvicorn with workers."""
    command = [given.python, "-m", "uvicorn", "fastapi_app:app", "--app-dir", str(SERVERS), "--host", "127.0.0.1"]
    command += ["--port", str(given.port), "--workers", str(given.workers), "--log-level", "warning"]
    serving.start(command, given.work, given.variables())


def start_naive(serving: Serving, given: Given) -> None:
    """Two Flask services on gunicorn."""
    gunicorn = [given.python, "-m", "gunicorn", "--chdir", str(SERVERS)]
    server = [*gunicorn, "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{given.ports[1]}", "naive_model_server:app"]
    serving.start(server, given.work, given.variables())
    address = given.variables(MODEL_SERVER_URL=f"http://127.0.0.1:{given.ports[1]}")
    predict = [*gunicorn, "-w", str(2 * given.workers), "-b", f"127.0.0.1:{given.port}", "naive_predict_api:app"]
    serving.start(predict, given.work, address)


def _rows_body(row: JsonObject) -> Json:
    return {"rows": [row]}


def _first_row(answer: Any) -> list[float]:
    return [float(one) for one in answer[0]]


def _mlflow_answer(answer: Any) -> list[float]:
    return _first_row(answer["predictions"])


def _mlserver_answer(answer: Any) -> list[float]:
    return [float(one) for one in answer["outputs"][0]["data"]]


# MLServer 1.7 does not start with newer ones: its workers ask for an event loop before there is one
_MLSERVER: Final = ("mlserver", "mlserver-sklearn", "uvloop<0.22")
_INFER: Final = "/v2/models/model/infer"

PEERS: Final = (
    HELLO,
    HELLO_JSON,
    CHANGEOVER,
    WITHOUT_TWIN,
    Peer(
        "mlflow", "MLflow", ("mlflow",), start_mlflow, ("mlflow",),
        path="/invocations", body=mlflow_body, answer=_mlflow_answer,
    ),
    Peer(
        "mlserver", "MLServer", ("mlserver",), start_mlserver, _MLSERVER,
        path=_INFER, body=mlserver_body, answer=_mlserver_answer,
    ),
    Peer(
        "mlserver-batching", "MLServer, adaptive batching", ("mlserver",), start_mlserver_batching, _MLSERVER,
        path=_INFER, body=mlserver_body, answer=_mlserver_answer,
    ),
    Peer(
        "bentoml", "BentoML", ("bentoml",), start_bentoml, ("bentoml",),
        body=_rows_body, answer=_first_row,
    ),
    Peer(
        "bentoml-batching", "BentoML, adaptive batching", ("bentoml",), start_bentoml_batching,
        ("bentoml",), body=_rows_body, answer=_first_row,
    ),
    Peer("litserve", "LitServe", ("litserve",), start_litserve, ("litserve", "pyzmq")),
    Peer(
        "litserve-batching", "LitServe, batching", ("litserve",), start_litserve_batching,
        ("litserve", "pyzmq"),
    ),
    Peer(
        "fastapi", "FastAPI + uvicorn", ("fastapi", "uvicorn"), start_fastapi,
        ("fastapi", "uvicorn[standard]"),
    ),
    Peer(
        "naive", "two Flask services", ("flask", "gunicorn"), start_naive,
        ("flask", "gunicorn", "requests"), raw=True,
    ),
)  # fmt: skip


def environment_of(peer: Peer) -> str:
    """The name of a peer's environment: what batches shares that of what does not."""
    return peer.key.removesuffix("-batching")
