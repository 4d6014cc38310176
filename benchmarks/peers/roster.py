"""The peers, each set up as its documentation recommends for a few cores; README.md quotes the recommendations."""

import json
import shutil
from typing import Any, Final

from benchmarks.peers.environments import run
from benchmarks.peers.ours import CHANGEOVER, HELLO, HELLO_JSON, WITHOUT_TWIN
from benchmarks.peers.peer import SERVERS, Peer, Setup
from benchmarks.peers.serving import Serving
from changeover.json_types import Json, JsonObject

BATCH: Final = 32  # the largest batch of a peer's batcher, in rows
PREPARE_SECONDS: Final = 180.0


def start_mlflow(serving: Serving, setup: Setup) -> None:
    """`mlflow models serve` over a saved model with a signature."""
    saved, rows = setup.work / "mlflow_model", setup.files / "typed.pickle"
    shutil.rmtree(saved, ignore_errors=True)
    variables = setup.variables(MLFLOW_TRACKING_URI=f"sqlite:///{setup.work / 'mlflow.db'}")
    saving = [setup.python, str(SERVERS / "mlflow_model.py"), variables["MODEL_FILE"], str(rows), str(saved)]
    run(saving, serving.log, PREPARE_SECONDS, variables)
    command = [str(setup.environment.binaries / "mlflow"), "models", "serve", "-m", str(saved), "-h", "127.0.0.1"]
    command += ["-p", str(setup.port), "--env-manager", "local", "--workers", str(setup.workers)]
    serving.start(command, setup.work, variables)


def mlflow_body(row: JsonObject) -> Json:
    """A frame in pandas' split form."""
    return {"dataframe_split": {"columns": list[Json](row), "data": [list(row.values())]}}


def start_mlserver(serving: Serving, setup: Setup) -> None:
    """`mlserver start` over a folder with two settings files."""
    _mlserver(serving, setup, {})


def start_mlserver_batching(serving: Serving, setup: Setup) -> None:
    """The same with adaptive batching."""
    _mlserver(serving, setup, {"max_batch_size": BATCH, "max_batch_time": 0.005})


def _mlserver(serving: Serving, setup: Setup, batching: JsonObject) -> None:
    http, grpc, metrics = setup.ports
    server: JsonObject = {"debug": False, "host": "127.0.0.1", "http_port": http, "grpc_port": grpc}
    server |= {"metrics_port": metrics, "parallel_workers": setup.workers}
    uri = setup.variables()["MODEL_FILE"]
    model: JsonObject = {"name": "model", "implementation": "mlserver_sklearn.SKLearnModel"}
    model |= {"parameters": {"uri": uri, "content_type": "pd"}, **batching}
    for name, content in (("settings", server), ("model-settings", model)):
        (setup.work / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    serving.start([str(setup.environment.binaries / "mlserver"), "start", "."], setup.work, setup.variables())


def mlserver_body(row: JsonObject) -> Json:
    """The Open Inference Protocol: an input for each column of a frame."""
    columns: list[Json] = []
    for name, value in row.items():
        column: JsonObject = {"name": name, "shape": [1, 1], "data": [value]}
        text: JsonObject = {"datatype": "BYTES", "parameters": {"content_type": "str"}}
        columns.append(column | (text if isinstance(value, str) else {"datatype": "FP64"}))
    return {"parameters": {"content_type": "pd"}, "inputs": columns, "outputs": [{"name": "predict_proba"}]}


def start_bentoml(serving: Serving, setup: Setup) -> None:
    """`bentoml serve` over a service class."""
    _bentoml(serving, setup, 1)


def start_bentoml_batching(serving: Serving, setup: Setup) -> None:
    """The same with adaptive batching."""
    _bentoml(serving, setup, BATCH)


def _bentoml(serving: Serving, setup: Setup, batch: int) -> None:
    command = [str(setup.environment.binaries / "bentoml"), "serve", "bentoml_service:Predictor", "--quiet"]
    command += ["--working-dir", str(SERVERS), "--host", "127.0.0.1", "--port", str(setup.port)]
    variables = setup.variables(BENTOML_HOME=str(setup.work / "bentoml"), BATCH=str(batch))
    serving.start(command, setup.work, variables)


def start_litserve(serving: Serving, setup: Setup) -> None:
    """A LitServer with workers for the processor."""
    serving.start([setup.python, str(SERVERS / "litserve_server.py")], setup.work, setup.variables())


def start_litserve_batching(serving: Serving, setup: Setup) -> None:
    """The same with dynamic batching."""
    batching = setup.variables(BATCH=str(BATCH))
    serving.start([setup.python, str(SERVERS / "litserve_server.py")], setup.work, batching)


def start_fastapi(serving: Serving, setup: Setup) -> None:
    """Uvicorn with workers."""
    command = [setup.python, "-m", "uvicorn", "fastapi_app:app", "--app-dir", str(SERVERS), "--host", "127.0.0.1"]
    command += ["--port", str(setup.port), "--workers", str(setup.workers), "--log-level", "warning"]
    serving.start(command, setup.work, setup.variables())


def start_naive(serving: Serving, setup: Setup) -> None:
    """Two Flask services on gunicorn."""
    gunicorn = [setup.python, "-m", "gunicorn", "--chdir", str(SERVERS)]
    server = [*gunicorn, "-w", "1", "--threads", "4", "-b", f"127.0.0.1:{setup.ports[1]}", "naive_model_server:app"]
    serving.start(server, setup.work, setup.variables())
    address = setup.variables(MODEL_SERVER_URL=f"http://127.0.0.1:{setup.ports[1]}")
    predict = [*gunicorn, "-w", str(2 * setup.workers), "-b", f"127.0.0.1:{setup.port}", "naive_predict_api:app"]
    serving.start(predict, setup.work, address)


def _rows_body(row: JsonObject) -> Json:
    return {"rows": [row]}


def _first_row(answer: Any) -> list[float]:
    return [float(one) for one in answer[0]]


def _mlflow_answer(answer: Any) -> list[float]:
    return _first_row(answer["predictions"])


def _mlserver_answer(answer: Any) -> list[float]:
    return [float(one) for one in answer["outputs"][0]["data"]]


# MLServer 1.7 does not start with a newer uvloop: its workers request an event loop before one exists
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
    """The name of a peer's environment, which the set-ups with and without batching share."""
    return peer.key.removesuffix("-batching")
