"""Misspelt settings: which names of variables are taken for one, and which are left alone."""

import pytest

from changeover.process.misspelt import misspelt
from model_server.settings import ServerSettings
from object_store.settings import StoreSettings
from predict_api.settings import PredictSettings

SERVER = {*ServerSettings.model_fields, *StoreSettings.model_fields}
PREDICT = set(PredictSettings.model_fields)


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("ALLOWED_GLOBAL", "ALLOWED_GLOBALS"),
        ("ALOWED_GLOBALS", "ALLOWED_GLOBALS"),
        ("ALLOW_GLOBALS", "ALLOWED_GLOBALS"),
        ("ALLOWEDGLOBALS", "ALLOWED_GLOBALS"),
        ("ROLL_INCOMMING", "ROLL_INCOMING"),
        ("RUNTMIE", "RUNTIME"),
        ("MAX_COLUMN", "MAX_COLUMNS"),
        ("PUBLISH_TOKN", "PUBLISH_TOKEN"),
    ],
)
def test_a_name_that_is_almost_a_setting_means_it(variable: str, setting: str) -> None:
    assert misspelt([variable], SERVER) == {variable: setting}


@pytest.mark.parametrize(
    "variable",
    [
        *[
            "PATH",
            "HOME",
            "LANG",
            "GATES",
            "WORKERSPACE",
            "MODEL_NAME",
            "HOSTNAME",
            "AWS_PROFILE",
            "OMP_NUM_THREADS",
            "LOGNAME",
            "PYTHONPATH",
        ],
        *["MODEL_SERVER_PORT", "PREDICT_API_PORT", "STORE_SERVICE_HOST", "allowed_globals", "PUBLISH_TOKEN_FILE"],
    ],
)
def test_other_variables_are_left_alone(variable: str) -> None:
    assert misspelt([variable], SERVER | PREDICT) == {}


def test_the_settings_of_one_service_are_no_misspelling_at_the_other() -> None:
    assert misspelt([name.upper() for name in SERVER], PREDICT) == {}
    assert misspelt([name.upper() for name in PREDICT], SERVER) == {}
