"""One instance of predict_api with the models of `models.py`, for all dialects."""

from collections.abc import Iterator

import pytest

from tests.conftest import wait_until
from tests.integration.dialects.models import R1, churn, wine
from tests.processes.predict_api import PredictApi
from tests.wire_stub import WireStub, running_stub

MOST_BYTES, MOST_ROWS = 100_000, 1000
PREDICT_ROUTE = "/v1/endpoints/1/deployedModels/2:predict"
HEALTH_ROUTE = "/v1/endpoints/1/deployedModels/2"


@pytest.fixture(scope="package")
def stub() -> Iterator[WireStub]:
    with running_stub() as stub:
        for model, artifact in (("churn", churn()), ("wine", wine())):
            stub.roll(model, stub.publish(model, *artifact))
        yield stub


@pytest.fixture(scope="package")
def api(stub: WireStub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictApi]:
    """An instance that answers for both models; `churn` is the default."""
    sizes = {"MAX_BODY_BYTES": str(MOST_BYTES), "MAX_ROWS": str(MOST_ROWS), "GZIP_BODIES": "true"}
    settings = {"WORKERS": "1", "DEFAULT_MODEL": "churn", **sizes}
    settings |= {"PREDICT_ROUTE": PREDICT_ROUTE, "HEALTH_ROUTE": HEALTH_ROUTE}
    with PredictApi(stub.url, tmp_path_factory.mktemp("dialects"), START_TIMEOUT="20", **settings) as api:
        wait_until(lambda: api.predict(R1).status_code == 200, what="churn answers")
        wait_until(lambda: api.get("/models/wine").status_code == 200, what="wine is there")
        yield api
