"""What the documents say and what the code does, compared both ways."""

import re
import tomllib
from collections.abc import Callable

import pytest

from docs import tables
from object_store import keys
from tests.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
ROOT_FILES = {path.name for path in ROOT.iterdir()}


def between(name: str) -> str:
    """What stands in the README between the two comments of a table."""
    match = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- end of {name} -->", README, re.DOTALL)
    assert match, f"the README has no table between <!-- {name} --> and <!-- end of {name} -->"
    return match[1]


@pytest.mark.parametrize(("name", "table"), tables.TABLES.items(), ids=list(tables.TABLES))
def test_a_table_of_the_readme_is_what_the_code_says(name: str, table: Callable[[], str]) -> None:
    assert between(name).splitlines() == table().splitlines(), "run `make docs`"


def test_every_setting_says_what_it_means() -> None:
    silent = [name for name, entries in tables.setting_rows().items() for entry in entries.values() if not entry[2]]
    assert silent == []


def test_a_setting_that_two_services_read_is_of_one_type() -> None:
    for name, entries in tables.setting_rows().items():
        kinds = {kind for package, (kind, _, _) in entries.items() if package != "changeover"}
        assert len(kinds) <= 1, f"{name} is {' and '.join(kinds)}"


def test_every_setting_the_compose_file_sets_is_one_that_is_read() -> None:
    yaml = pytest.importorskip("yaml")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    known = set(tables.setting_rows())
    for service in ("model_server", "predict_api"):
        for name in services[service].get("environment", {}):
            plain = name.removesuffix("_FILE")
            assert plain in known or name in {"HOME", "TMPDIR", "PROMETHEUS_MULTIPROC_DIR"}, f"{service} sets {name}"


def test_the_bucket_in_the_architecture_is_the_bucket_of_the_code() -> None:
    layout = [line.strip() for line in (keys.__doc__ or "").splitlines() if re.match(r"    \w+/", line)]
    assert len(layout) > 8
    assert [line for line in layout if line not in ARCHITECTURE] == []
    prefixes = {value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    assert {line.split("/")[0] + "/" for line in layout} == {value for value in prefixes if value.endswith("/")}


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
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
    for name in re.findall(
        r"`((?:\.\./)?[\w.-]+(?:/[\w.-]+)*\.(?:py|md|json|ya?ml|toml|txt|sh))`", document.read_text()
    ):
        places = (ROOT / name, document.parent / name)
        if ("/" in name or name in ROOT_FILES) and not any(place.exists() for place in places):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_make_target_a_document_names_exists(document) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^    |^\$ )make ([a-z]+)\b", document.read_text(), re.MULTILINE))
    assert named - targets == set()
