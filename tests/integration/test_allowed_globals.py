"""Wrong settings: each service ends at its start with a message that quotes them, or warns of a misspelt name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE

SERVICES = ["model_server", "predict_api"]
WRONG = {
    "dotless": ("numpy", "'numpy' is not the dotted name"),
    "no identifier": ("numpy.fft.fft(1)", "is not the dotted name"),
    "no such package": ("mispelt_package.Rounder", "'mispelt_package.Rounder'"),
    "no such module": ("numpy.mispelt.fft", "'numpy.mispelt.fft'"),
    "no such attribute": ("numpy.fft.mispelt", "numpy.fft has no mispelt"),
    "a method of a class": ("sklearn.pipeline.Pipeline.predict", "sklearn.pipeline.Pipeline cannot be imported"),
    "a right one beside a wrong one": ("numpy.fft.fft, numpy.fft.mispelt", "'numpy.fft.mispelt'"),
    "a module that raises": ("tests.integration.raises_on_import.Step", "RuntimeError: the module of a test"),
    "a module that exits": ("tests.integration.exits_on_import.Step", "exits_on_import.Step"),
}


def started(service: str, folder: Path, allowed: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the service with a free port and an address without a store; it must end by itself."""
    environment = {
        "ALLOWED_GLOBALS": allowed,
        "PUBLISH_TOKEN": "publish-token-of-tests",
        "REPORT_TOKEN": "report-token-of-tests",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
        "SERVER_PORT": "1",  # cannot be bound, so that a start without the error ends, too
        "PREDICT_PORT": "1",
        "CACHE_DIR": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", service],
        env=os.environ | environment | settings,
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_entry_is_an_error_at_start_that_quotes_it(service: str, fault: str, tmp_path: Path) -> None:
    allowed, message = WRONG[fault]
    ended = started(service, tmp_path, allowed)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    output = ended.stdout + ended.stderr
    assert "settings.invalid" in output
    assert "ALLOWED_GLOBALS" in output
    if service == "predict_api" or not allowed.startswith("tests."):
        assert message in output
    else:  # the examination of artifacts cannot import from the folder of the tests
        assert repr(allowed) in output


def test_the_check_of_an_entry_sees_no_secret_and_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    ended = started("predict_api", tmp_path, "tests.integration.tells_environment.Step")
    output = ended.stdout + ended.stderr
    assert "the environment of the check" in output
    assert "secret-of-tests" not in output
    assert "REPORT_TOKEN" not in output


def test_right_entries_are_no_fault() -> None:
    from changeover.artifact.extra_globals import names_in, refuse_missing

    refuse_missing(names_in("numpy.fft.fft, sklearn.pipeline.Pipeline,"), isolated=True)


@pytest.mark.parametrize(
    ("service", "setting", "value"),
    [
        ("model_server", "GATE", "accuracy"),
        ("model_server", "RUNTIME", "onx"),
        ("predict_api", "RUNTIME", "onx"),
        ("model_server", "ROLL_INCOMING", "at-onse"),
        ("predict_api", "MODELS", "Loan Model"),
        ("model_server", "DEFAULT_MODEL", "Loan Model"),
        ("model_server", "ALLOWED_GLOBALS", "numpy"),
        ("predict_api", "LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_an_error_at_start_that_names_the_setting(
    service: str, setting: str, value: str, tmp_path: Path
) -> None:
    ended = started(service, tmp_path, "", **{setting: value})
    output = ended.stdout + ended.stderr
    assert ended.returncode == 2, output
    assert f'"reason": "{setting}: ' in output.replace('"reason":"', '"reason": "')


@pytest.mark.parametrize("service", SERVICES)
def test_a_misspelt_name_is_a_warning_at_start_that_names_the_right_one(service: str, tmp_path: Path) -> None:
    ended = started(service, tmp_path, "numpy", ALLOWED_GLOBAL="a.b", RUNTMIE="onnx", UNRELATED="1")
    events = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    warned = {event["variable"]: event["reason"] for event in events if event["event"] == "settings.unknown"}
    assert warned == {"ALLOWED_GLOBAL": "is ALLOWED_GLOBALS meant?", "RUNTMIE": "is RUNTIME meant?"}
