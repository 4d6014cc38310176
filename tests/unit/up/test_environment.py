"""The environment of each process of `changeover up`: its settings, and what the interpreter reads."""

import pytest

from changeover.process.misspelt import misspelt
from changeover.up.environment import OF_THE_STACK, SETTINGS, needed
from model_server.settings import ServerSettings
from object_store.settings import StoreSettings
from predict_api.settings import PredictSettings

CLASSES = {"model_server": (ServerSettings, StoreSettings), "predict_api": (PredictSettings,), "store": ()}
SHELL = {
    "PATH": "/bin",
    "HOME": "/home/ann",
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": "/src",
    "OMP_NUM_THREADS": "2",
    "https_proxy": "http://proxy:3128",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
}
SECRETS = {
    "GITHUB_TOKEN": "x",
    "DATABASE_URL": "x",
    "SSH_AUTH_SOCK": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SECRET_ACCESS_KEYS": "x",
    "PUBLISH_TOKEN": "x",
    "PUBLISH_TOKENS": "x",
    "REPORT_TOKEN_FILE": "x",
    "CHANGEOVER_TOKEN": "x",
    "LOG_LEVEL_OF_ANOTHER_PROGRAM": "x",
}


@pytest.mark.parametrize("service", CLASSES)
def test_each_setting_of_a_service_is_passed_on_or_set_by_the_stack(service: str) -> None:
    fields = {name.upper() for kind in CLASSES[service] for name in kind.model_fields}
    assert SETTINGS[service] == fields - OF_THE_STACK, "changeover/up/environment.py lists the settings of each service"


@pytest.mark.parametrize("service", CLASSES)
def test_what_the_interpreter_and_the_libraries_read_is_passed_on(service: str) -> None:
    assert needed(service, SHELL) == SHELL


@pytest.mark.parametrize("service", CLASSES)
def test_nothing_else_of_the_caller_is_passed_on(service: str) -> None:
    assert needed(service, SHELL | SECRETS) == SHELL


def test_the_secrets_of_one_service_are_not_given_to_another() -> None:
    shell = {"WEBHOOK_SECRET": "x", "WEBHOOK_URLS_FILE": "/run/urls", "KEYS_FILE": "/run/keys"}
    assert needed("model_server", shell).keys() == {"WEBHOOK_SECRET", "WEBHOOK_URLS_FILE"}
    assert needed("predict_api", shell).keys() == {"KEYS_FILE"}
    assert needed("store", shell) == {}


def test_a_misspelt_setting_reaches_the_service_that_warns_of_it() -> None:
    assert misspelt(["PREPARE_TIMEOUTS"], SETTINGS["model_server"])
    assert needed("model_server", {"PREPARE_TIMEOUTS": "5"}) == {"PREPARE_TIMEOUTS": "5"}
    assert needed("predict_api", {"PREPARE_TIMEOUTS": "5"}) == {}
