"""The calls of MLflow's `ScoringServerClient`, for the environment `mlflow`."""

from urllib.parse import urlsplit

import numpy as np
import pandas as pd
from calls import LABELS, R1, R2, Calls, expect, report
from mlflow.pyfunc.scoring_server.client import ScoringServerClient


def client(url: str) -> ScoringServerClient:
    parts = urlsplit(url)
    return ScoringServerClient(parts.hostname, parts.port)


def there(url: str) -> None:
    one = client(url)
    one.ping()
    one.wait_server_ready(timeout=5)
    expect(one.get_version(), "no version")


def frame(url: str) -> None:
    answer = client(url).invoke(pd.DataFrame([R1, R2]))
    found = answer.get_predictions()[0].tolist()
    expect(found == LABELS, found)


def parameters(url: str) -> None:
    answer = client(url).invoke(pd.DataFrame([R1, R2]), params={"x": 1})
    found = answer.get_predictions()[0].tolist()
    expect(found == LABELS, found)


def array(url: str) -> None:
    rows = np.array([list(R1.values()), list(R2.values())], dtype=object)
    found = client(url).invoke(rows).get_predictions()[0].tolist()
    expect(found == LABELS, found)


def lacks_a_column(url: str) -> None:
    try:
        client(url).invoke(pd.DataFrame([R1]).drop(columns="plan"))
    except Exception as error:  # noqa: BLE001 the client raises no other
        expect("400" in str(error) and "plan" in str(error), error)
    else:
        raise AssertionError("an answer came")


CALLS: Calls = {
    "`ping`, `wait_server_ready`, `get_version`": there,
    "`invoke` with a frame": frame,
    "`invoke` with `params`": parameters,
    "`invoke` with an array": array,
    "`invoke` without a column: an error that names it": lacks_a_column,
}

if __name__ == "__main__":
    report(CALLS)
