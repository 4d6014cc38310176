"""Many models with ONNX twins in one instance: their processes are few, while they are prepared and afterwards."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from tests.processes.model_server import ModelServer
from tests.processes.predict_api import PredictApi
from tests.processes.store import Store
from tests.wire_stub import WireStub

MODELS = 30
MOST_PROCESSES = 16  # of predict_api: 6 that stay, 2 idle runners, 4 runners with their scorers that prepare
ROW = {"a": 0.5, "b": -0.25}


@contextmanager
def most_processes(api: PredictApi) -> Iterator[list[int]]:
    """The numbers of the instance's processes that were counted during the block."""
    counts: list[int] = []
    ended = threading.Event()

    def count() -> None:
        while not ended.wait(0.02):
            counts.append(len(api.processes()))

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join()


def test_many_models_with_twins_take_few_processes(seaweed: Store, bucket_name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(3).normal(size=(300, 2)), columns=["a", "b"])
    body = io.BytesIO()
    joblib.dump(LogisticRegression().fit(frame, np.where(frame["a"] > frame["b"], "yes", "no")), body)
    stub = WireStub()
    with ModelServer(seaweed, bucket_name, tmp_path / "server", {"RUNTIME": "onnx"}) as server:
        version = server.publish(body.getvalue()).json()["version"]
        manifest = server.get(f"/models/loan/versions/{version}").json()
        twin = server.get(f"/models/loan/versions/{version}/twin").content
    names = [f"model-{number}" for number in range(MODELS)]
    for name in names:
        stub.roll(name, stub.publish(name, body.getvalue(), manifest))
        folder = tmp_path / "cache" / name
        folder.mkdir(mode=0o700, parents=True)
        (folder / f"{version}.onnx").write_bytes(twin)
    stub.start()
    api = PredictApi(stub.url, tmp_path, DEFAULT_MODEL=names[0])
    try:
        api.launch()
        with most_processes(api) as counts:
            api.wait_until_it_answers("/readyz")
            answers = {name: api.predict(ROW, f"/models/{name}/predict") for name in names}
        assert {answer.status_code for answer in answers.values()} == {200}
        assert {answer.headers["Model-Runtime"] for answer in answers.values()} == {"onnx"}
        assert max(counts) <= MOST_PROCESSES
    finally:
        api.close()
        stub.stop()
