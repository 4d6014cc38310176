"""The defaults of predict_api in containers of platforms."""

import pytest

from changeover.exceptions import InvalidSetting
from predict_api.container import defaults
from predict_api.settings import PredictSettings


def test_without_argument_and_platform_nothing_changes() -> None:
    assert defaults([], {}) == {}
    assert defaults([], {"AIP_HEALTH_ROUTE": "/health"}) == {}


def test_serve_listens_as_sagemaker_asks() -> None:
    settings = PredictSettings.from_environment(defaults(["serve"], {}), model_sha256="0" * 64)
    assert (settings.predict_host, settings.predict_port) == ("0.0.0.0", 8080)
    assert str(settings.model_file) == "/opt/ml/model"


def test_what_is_set_precedes_the_defaults() -> None:
    settings = PredictSettings.from_environment(defaults(["serve"], {}), model_sha256="0" * 64, predict_port=9000)
    assert settings.predict_port == 9000


def test_vertex_names_port_and_routes() -> None:
    platform = {"AIP_HTTP_PORT": "9001", "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2"}
    settings = PredictSettings.from_environment(defaults([], platform), model_sha256="0" * 64)
    assert settings.predict_port == 9001
    assert settings.health_route == "/v1/endpoints/1/deployedModels/2"
    assert settings.predict_route == ""


def test_serve_without_a_hash_says_what_is_missing() -> None:
    with pytest.raises(InvalidSetting, match="MODEL_FILE is set without MODEL_SHA256"):
        PredictSettings.from_environment(defaults(["serve"], {}))


def test_other_arguments_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="give none, or `serve`"):
        defaults(["train"], {})


@pytest.mark.parametrize("route", ["predict", "/a b", "//a", "/<model>"])
def test_a_route_that_is_no_path_is_refused(route: str) -> None:
    with pytest.raises(InvalidSetting, match="PREDICT_ROUTE"):
        PredictSettings.from_environment(predict_route=route)
