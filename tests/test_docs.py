"""The agreement of the documents and the code, in both directions."""

import ast
import re
import tomllib
from collections.abc import Callable

import pytest

from changeover.protocol.wire import RolloutState
from docs import tables
from model_server.rollouts.rollout import TRANSITIONS
from object_store import keys
from tests.tree import ROOT, sources

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
ROOT_FILES = {path.name for path in ROOT.iterdir()}


def between(name: str, text: str = README) -> str:
    """The text of a document between the two comments of a table."""
    match = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- end of {name} -->", text, re.DOTALL)
    assert match, f"there is no text between <!-- {name} --> and <!-- end of {name} -->"
    return match[1]


@pytest.mark.parametrize(("name", "table"), tables.TABLES.items(), ids=list(tables.TABLES))
def test_a_table_of_the_readme_is_what_the_code_says(name: str, table: Callable[[], str]) -> None:
    assert between(name).splitlines() == table().splitlines(), "run `make docs`"


def test_the_picture_of_the_rollout_is_what_its_transitions_do() -> None:
    protocol = tables.PROTOCOL.read_text(encoding="utf-8")
    assert between("transitions", protocol).splitlines() == tables.transitions_diagram().splitlines(), "run `make docs`"


def test_the_picture_of_the_rollout_shows_every_transition_and_every_state() -> None:
    drawn = {(before, event.split(",")[0]) for before, event, _, _ in tables.transitions()}
    assert drawn - {("[*]", "begin")} == {(str(state), event.__name__) for state, event in TRANSITIONS}
    assert {after for _, _, after, _ in tables.transitions()} == {str(state) for state in RolloutState}
    to_the_end = [actions for _, _, after, actions in tables.transitions() if after == RolloutState.COMMITTED]
    assert to_the_end == [["Flip", "GrantAgain", "Withdraw"]]


# predictions in the dialects, which are no routes of Flask
OF_DIALECTS = {
    "POST /v2/models/{}/infer",
    "POST /v2/models/{}/versions/{}/infer",
    "POST /vetiver/predict",
    "POST /invocations",
    "POST /models/{}/invocations",
    *(
        f"POST /v1/models/{{}}{version}:{verb}"
        for version in ("", "/versions/{}")
        for verb in ("predict", "classify", "regress")
    ),
}


def routes(service: str) -> set[str]:
    """Every call of a service, as `POST /models/{}/rollouts`, by the decorators in its `routes/`."""
    found = set()
    for file in sources(f"{service}/routes"):
        for node in ast.walk(file.tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            path = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if not isinstance(path, str) or not path.startswith("/"):
                continue
            methods = {node.func.attr.upper()} & {"GET", "POST", "PUT", "DELETE", "PATCH"}
            for keyword in node.keywords:
                if node.func.attr == "route" and keyword.arg == "methods":
                    methods = set(ast.literal_eval(keyword.value))
            if node.func.attr == "route" and not methods:
                methods = {"GET"}
            found |= {f"{method} {re.sub('<[^>]*>', '{}', path)}" for method in methods}
    return found


@pytest.mark.parametrize("service", ["model_server", "predict_api"])
def test_the_calls_in_the_readme_are_the_calls_of_the_service(service: str) -> None:
    listed = re.findall(r"`([A-Z]+ /[^`?\[ ]*)", between(f"{service} routes"))
    assert {re.sub(r"{\w+}", "{}", call) for call in listed} - OF_DIALECTS == routes(service)


def test_every_setting_says_what_it_means() -> None:
    silent = [name for name, entries in tables.setting_rows().items() for entry in entries.values() if not entry[2]]
    assert silent == []


def test_a_setting_that_two_services_read_is_of_one_type() -> None:
    for name, entries in tables.setting_rows().items():
        kinds = {kind for package, (kind, _, _) in entries.items() if package != "changeover"}
        assert len(kinds) <= 1, f"{name} is {' and '.join(kinds)}"


def test_a_setting_has_one_meaning_whichever_process_reads_it() -> None:
    for name, entries in tables.setting_rows().items():
        assert len({text for _, _, text in entries.values()}) == 1, f"{name} is declared twice: share its description"


def test_every_setting_the_compose_file_sets_is_one_that_is_read() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    known = set(tables.setting_rows())
    for service in ("model_server", "predict_api"):
        for name in services[service].get("environment", {}):
            plain = name.removesuffix("_FILE")
            of_others = name in {"HOME", "TMPDIR", "PROMETHEUS_MULTIPROC_DIR"} or name.startswith("OTEL_")
            assert {name, plain} & known or of_others, f"{service} sets {name}"


def test_the_bucket_in_the_architecture_is_the_bucket_of_the_code() -> None:
    layout = [line.strip() for line in (keys.__doc__ or "").splitlines() if re.match(r"    \w+/", line)]
    assert len(layout) > 8
    assert [line for line in layout if line not in ARCHITECTURE] == []
    prefixes = {value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    assert {line.split("/")[0] + "/" for line in layout} == {value for value in prefixes if value.endswith("/")}


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    wanted += [one for group in project["dependency-groups"].values() for one in group if isinstance(one, str)]
    wanted += [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    declared = {re.split(r"[^\w.-]", one)[0].lower() for one in wanted} - {"changeover"}
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    described = {name.strip().lower() for row in rows for name in row.split(",")} - {"library", "---"}
    assert declared - described == set(), "not in docs/dependencies.md"
    assert described - declared == set(), "not in pyproject.toml"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_a_document_names_exists(document) -> None:
    missing = []
    ours = [path.as_posix() for folder in tables.PACKAGES for path in (ROOT / folder).rglob("*.py")]
    for name in re.findall(
        r"`((?:\.\./)?[\w.-]+(?:/[\w.-]+)*\.(?:py|md|json|ya?ml|toml|txt|sh))`", document.read_text()
    ):
        if "/" not in name and name not in ROOT_FILES:
            continue
        if not (
            (ROOT / name).exists() or (document.parent / name).exists() or any(one.endswith(f"/{name}") for one in ours)
        ):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_make_target_a_document_names_exists(document) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^    |^\$ )make ([a-z]+)\b", document.read_text(), re.MULTILINE))
    assert named - targets == set()
