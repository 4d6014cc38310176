"""The wheel, installed outside the checkout: its content, its requirements, and the whole stack run from it."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from changeover.client.upload import sha256_of_file
from tests.e2e.installed_wheel import Installed, base_lock, build_wheel, clean_environment, install
from tests.e2e.test_example import answers_in, run_until_it_shows_what_next
from tests.processes.up import command, start
from tests.tree import PACKAGES, ROOT

LOCK = ROOT / "requirements" / "embedded.txt"
SINGLE = "changeover/demo/data/segmentation_single.json"
NEEDED = {"changeover/py.typed", "changeover/artifact/allowed_globals.json", SINGLE, SINGLE.replace("single", "batch")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The wheel with the extra `embedded`; the folder is removed afterwards."""
    folder = tmp_path_factory.mktemp("wheel")
    yield install(build_wheel(folder), LOCK, folder / "embedded")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def without_extras(installed: Installed) -> Installed:
    """The wheel without any extra."""
    lock = installed.folder / "base.txt"
    lock.write_text(base_lock(LOCK.read_text(encoding="utf-8"), installed), encoding="utf-8")
    return install(installed.wheel, lock, installed.prefix.with_name("base"))


def files_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def unmet(distribution: Distribution, extras: frozenset[str], present: dict[str, Distribution]) -> list[str]:
    """The requirements of a distribution with these extras that `present` does not meet, extras of itself included."""
    missing = []
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        candidate = present.get(canonicalize_name(requirement.name))
        if candidate is None or not requirement.specifier.contains(candidate.version, prereleases=True):
            missing.append(line)
        elif new := frozenset(requirement.extras) - (extras if candidate is distribution else frozenset()):
            missing += unmet(candidate, new, present)
    return missing


def test_the_wheel_holds_the_packages_with_their_data_and_nothing_else(installed: Installed) -> None:
    files = files_in(installed.wheel)
    assert NEEDED - files == set()
    metadata = {name for name in {file.split("/")[0] for file in files} if name.endswith(".dist-info")}
    assert {file.split("/")[0] for file in files} == {*PACKAGES, *metadata}
    tracked = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {file for file in files if ".dist-info/" not in file} == tracked


def test_what_the_wheel_requires_is_what_the_lock_installs(installed: Installed) -> None:
    present = installed.distributions()
    changeover = present["changeover"]
    extras = frozenset(changeover.metadata.get_all("Provides-Extra") or [])
    assert extras == {"model", "twin", "server", "predict", "arrow", "spark", "otel", "embedded"}
    assert unmet(changeover, extras - {"arrow", "spark", "otel"}, present) == []  # what is not in this lock
    del present["flask"]
    assert [Requirement(line).name for line in unmet(changeover, frozenset({"server"}), present)] != []


def test_code_of_the_checkout_is_refused_there(installed: Installed) -> None:
    ended = installed.run(installed.python, "-c", "import changeover.names", PYTHONPATH=str(ROOT))
    assert ended.returncode != 0
    assert "belongs to the checkout" in ended.stderr


def test_up_push_and_predict_run_without_the_sources(installed: Installed) -> None:
    home = installed.folder / "home"
    line = command(home, program=[installed.changeover], workers=1)
    environment = {**clean_environment(), "DEFAULT_MODEL": "segmentation"}
    started = start(line, home, environment, installed.folder).wait_until_up()
    try:
        trained = installed.run(installed.python, "-m", "changeover.demo.train", "--out", "model.joblib")
        assert trained.returncode == 0, trained.stderr
        pushed = installed.run(installed.changeover, "push", "model.joblib", "--roll", "--home", str(home), "--json")
        assert pushed.returncode == 0, pushed.stderr + started.printed()
        version = sha256_of_file(installed.folder / "model.joblib")
        started.wait_until_held("segmentation", version)
        body = str(installed.site_packages / SINGLE)
        prediction = installed.run(installed.changeover, "predict", body, "--home", str(home), "--json")
        assert prediction.returncode == 0, prediction.stderr + started.printed()
        assert json.loads(prediction.stdout)["model_version"] == version
    finally:
        assert started.stop() == 0


def test_the_demo_runs_without_the_sources(installed: Installed) -> None:
    home = installed.folder / "demo"
    line = command(home, "demo", [installed.changeover])
    text, ledger = run_until_it_shows_what_next(home, line, clean_environment(), installed.folder)
    version = sha256_of_file(home / "example" / "model.joblib")
    assert {answer["model_version"] for answer in answers_in(text) if "model_version" in answer} == {version}
    assert [entry["version"] for entry in ledger] == [version]


def test_without_extras_every_verb_explains_itself_and_finds_no_stack(without_extras: Installed) -> None:
    explained = without_extras.run(without_extras.changeover, "--help")
    assert explained.returncode == 0, explained.stderr
    listed = without_extras.run(without_extras.changeover, "list")
    assert listed.returncode == 1
    assert listed.stderr.startswith("error: no stack is running here")


@pytest.mark.parametrize("verb", ["up", "demo", "schema"])
def test_without_extras_a_verb_that_needs_one_says_which(without_extras: Installed, verb: str) -> None:
    (without_extras.folder / "model.joblib").write_bytes(b"x")
    words = [verb, "model.joblib"] if verb == "schema" else [verb]
    ended = without_extras.run(without_extras.changeover, *words)
    assert ended.returncode == 1
    assert "is not installed" in ended.stderr
    assert 'pip install "changeover[embedded]"' in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
