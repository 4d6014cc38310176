"""The command line without a stack: its arguments and its error messages."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from changeover import stack
from changeover.cli.main import main
from changeover.cli.output import UploadProgress, ago, numbers, size_of, table
from docs import tables
from tests.tree import ROOT

ADDRESS_OF_NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CHANGEOVER_SERVER_URL", "CHANGEOVER_PREDICT_URL", "CHANGEOVER_TOKEN", "PUBLISHED_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_the_command_line_has_every_verb() -> None:
    design = "up demo restart push schema list show roll rollback abort history drift diff verify predict score gc doctor environment credentials token ui watch check-history"
    assert set(main.commands) == set(design.split())
    assert set(main.commands["environment"].commands) == {"add", "list", "remove"}
    assert set(main.commands["token"].commands) == {"new", "list", "rotate", "revoke"}


@pytest.mark.parametrize("verb", sorted(tables.verbs()))
def test_every_verb_explains_itself_and_takes_json(verb: str) -> None:
    result = run(*verb.split(), "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


@pytest.mark.parametrize(
    "verb", ["list", "show", "roll", "rollback", "abort", "history", "drift", "verify", "credentials"]
)
def test_without_a_stack_the_error_says_what_to_start(verb: str) -> None:
    result = run(verb)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: no stack is running here")
    assert "changeover up" in result.stderr
    assert "Traceback" not in result.output


def test_every_verb_starts_without_what_models_need() -> None:
    loaded = (
        "import sys, changeover.cli.main; print(*{'numpy', 'pandas', 'sklearn', 'joblib', 'psutil'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.split() == []


@pytest.mark.parametrize("verb", ["up", "demo"])
def test_a_package_that_the_stack_lacks_is_named_before_anything_starts(
    verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "granian", None)
    result = run(verb, "--json")
    assert result.exit_code == 1
    body = json.loads(result.stderr)
    assert body["kind"] == "MissingPackage"
    assert body["error"].startswith("granian is not installed")
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_a_verb_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "pandas", None)
    result = run("schema", "model.joblib")
    assert result.exit_code == 1
    assert result.stderr.startswith('error: pandas is not installed; `pip install "changeover[embedded]"`')


def test_an_error_is_json_where_json_is_asked_for() -> None:
    result = run("list", "--json")
    assert result.exit_code == 1
    body = json.loads(result.stderr)
    assert body["kind"] == "StackNotFound"
    assert "changeover up" in body["error"]


def test_a_wrong_command_line_is_json_where_json_is_asked_for() -> None:
    result = run("history", "--json", "--nonsense")
    assert result.exit_code == 2
    assert "nonsense" in json.loads(result.stderr)["error"]


def test_a_server_that_is_not_there_is_named_with_what_to_start() -> None:
    result = run("list", "--server-url", ADDRESS_OF_NOBODY)
    assert result.exit_code == 1
    assert f"model_server at {ADDRESS_OF_NOBODY} does not answer" in result.stderr
    assert "changeover up" in result.stderr


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANGEOVER_SERVER_URL", ADDRESS_OF_NOBODY)
    assert ADDRESS_OF_NOBODY in run("list").stderr


def test_a_figure_that_is_no_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x")
    result = run("push", "model.joblib", "-m", "loan", "--metrics", "auc=high", "--server-url", ADDRESS_OF_NOBODY)
    assert result.exit_code == 2
    assert "auc=high" in result.stderr


@pytest.mark.parametrize("text", ["[]", "[1, 2]", '[{"a": 1}, 2]', "3"])
def test_an_example_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x")
    (tmp_path / "rows.json").write_text(text)
    words = ("push", "model.joblib", "-m", "loan", "--example", "rows.json", "--server-url", ADDRESS_OF_NOBODY)
    result = run(*words)
    assert result.exit_code == 2
    assert "holds no row" in result.stderr


def test_a_name_that_is_no_model_name_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"x")
    result = run("push", "model.joblib", "-m", "Loan!", "--server-url", ADDRESS_OF_NOBODY)
    assert result.exit_code == 1
    assert "'Loan!' is not a model name" in result.stderr


@pytest.mark.parametrize(
    ("name", "content"), [("rows.csv", b"a,b\n1,2\n"), ("rows", b"PAR1\x15\x04"), ("a.PARQUET", b"")]
)
def test_a_table_is_refused_as_a_body_with_the_next_step(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("predict", name, "--server-url", ADDRESS_OF_NOBODY)
    assert result.exit_code == 2
    assert f"{name} is a table" in result.stderr
    assert "to_json" in result.stderr


def test_doctor_without_a_stack_says_what_is_wrong_and_the_next_step() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "WRONG  stack" in result.stdout
    assert "next: changeover up" in result.stdout


def test_doctor_names_a_dead_up_and_services_that_do_not_answer(tmp_path: Path) -> None:
    home = tmp_path / stack.HOME
    home.mkdir()
    pids = stack.Pids(up=2**22 + 1, store=2**22 + 2, model_server=2**22 + 3, predict_api=[[2**22 + 4]])
    described = stack.Stack([ADDRESS_OF_NOBODY], ADDRESS_OF_NOBODY, ADDRESS_OF_NOBODY, "models", "t", "a", "s", pids)
    stack.write(described, home)
    stack.up_file(home).chmod(0o644)
    result = run("doctor", "--json")
    assert result.exit_code == 1
    body = json.loads(result.stdout)
    wrong = {check["name"]: check for check in body["checks"] if not check["ok"]}
    assert {"up.json", "processes", "store", "model_server", "predict_api", "token"} <= set(wrong)
    assert all(check["next_step"] for check in wrong.values())
    assert "was killed" in wrong["processes"]["detail"]


def test_credentials_on_the_host_are_up_json_without_pids(tmp_path: Path) -> None:
    home = tmp_path / stack.HOME
    home.mkdir()
    described = stack.Stack(["http://p"], "http://m", "http://s", "models", "t", "a", "s", stack.Pids(1, 2, 3, [[4]]))
    stack.write(described, home)
    assert json.loads(run("credentials").stdout) == described.without_pids().to_json()


def test_credentials_in_a_container_come_from_its_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("publish-it\n")
    settings = {
        "PUBLISHED_PREDICT_URLS": "http://127.0.0.1:5000",
        "PUBLISHED_SERVER_URL": "http://127.0.0.1:5001",
        "PUBLISHED_STORE_URL": "http://127.0.0.1:9000",
        "PUBLISH_TOKEN_FILE": str(tmp_path / "token"),
        "PUBLISHER_ACCESS_KEY": "publisher",
        "PUBLISHER_SECRET_KEY": "hidden",
        "BUCKET": "models",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert json.loads(run("credentials").stdout) == {
        "predict_urls": ["http://127.0.0.1:5000"],
        "server_url": "http://127.0.0.1:5001",
        "store_url": "http://127.0.0.1:9000",
        "bucket": "models",
        "token": "publish-it",
        "access_key": "publisher",
        "secret_key": "hidden",
    }


def test_restart_without_a_running_up_says_so(tmp_path: Path) -> None:
    result = run("restart", "store")
    assert result.exit_code == 1
    assert "changeover up" in result.stderr


def test_tables_are_as_wide_as_their_cells() -> None:
    assert table(["A", "B"], [["long", "x"], ["s", ""]]) == ["A     B", "long  x", "s"]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1_500_000, "1.5 MB"), (17800, "17.8 kB"), (2.5e9, "2.5 GB"), (None, "-")],
)
def test_sizes_are_for_people(count: int | None, shown: str) -> None:
    assert size_of(count) == shown


@pytest.mark.parametrize(
    ("past", "shown"), [({"days": 3}, "3 d ago"), ({"hours": 5}, "5 h ago"), ({"minutes": 7}, "7 min ago")]
)
def test_a_past_time_is_shown_in_one_unit(past: dict[str, float], shown: str) -> None:
    moment = datetime.now(UTC) - timedelta(**past) - timedelta(seconds=5)
    assert ago(moment.isoformat()) == shown


def test_a_moment_that_is_none_is_shown_as_it_is() -> None:
    assert [ago("yesterday"), ago(None), ago("")] == ["yesterday", "-", "-"]
    assert ago((datetime.now(UTC) + timedelta(minutes=5)).isoformat()) == "0 s ago"


def test_figures_are_shown_and_what_is_none_is_left_out() -> None:
    assert numbers({"auc": 0.912345, "rows": 3, "note": "x"}) == "auc=0.9123 rows=3"
    assert numbers(None) == ""


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_progress_of_an_upload_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for screen, quiet, shown in (
        (Terminal(), False, "\rm.joblib:  50 % of 200 B \rm.joblib: 100 % of 200 B examining...\r\x1b[K"),
        (Terminal(), True, ""),
        (io.StringIO(), False, ""),
    ):
        monkeypatch.setattr("sys.stderr", screen)
        progress = UploadProgress("m.joblib", quiet)
        for sent in (100, 101, 200):
            progress(sent, 200)
        progress.done()
        assert screen.getvalue() == shown
