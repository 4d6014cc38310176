"""The output of `changeover list`, `diff`, `verify` and a refused `roll` with a real model_server.

The commands run in the test's own process; golden rows and the answers of predict_api are in `test_golden_rows.py`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

from changeover import digest
from changeover.cli.main import main
from changeover.names import short
from object_store import keys
from tests.integration.artifacts import a_model
from tests.processes.model_server import PUBLISH_TOKEN, ModelServer
from tests.processes.store import Store

CHAMPION, WIDE, BETTER = a_model(31), a_model(32, columns=4), a_model(33)
ROWS = [{"x0": index / 20 - 1, "x1": 0.0, "x2": 1.0} for index in range(40)]


@dataclass
class Person:
    """A user of the command line; `empty` is the output of `list --all` and `list` before the first publish."""

    server: ModelServer
    empty: tuple[str, str] = ("", "")

    def types(self, *words: str, code: int = 0) -> Result:
        stack = {"CHANGEOVER_TOKEN": PUBLISH_TOKEN, "CHANGEOVER_PREDICT_URL": "http://127.0.0.1:1"}
        result = CliRunner().invoke(main, [*words, "--server-url", self.server.url], env=stack)
        assert result.exit_code == code, result.output
        return result

    def reads(self, *words: str, code: int = 0) -> list[str]:
        """The lines of the output, with single blanks between words."""
        return [" ".join(line.split()) for line in self.types(*words, code=code).stdout.splitlines()]


def publish(server: ModelServer, body: bytes, **manifest: object) -> str:
    files = {"artifact": ("m.joblib", body), "manifest": (None, json.dumps(manifest))}
    answer = server.post("/models/loan/versions", files=files)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["version"])


@pytest.fixture(scope="module")
def person(seaweed: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Three versions of `loan`, the first of them current, and a rejected upload of an HTML page."""
    settings = {"DEFAULT_MODEL": "fresh"}
    with ModelServer(seaweed, "cli-reads", tmp_path_factory.mktemp("server"), settings) as server:
        person = Person(server)
        person.empty = person.types("list", "--all").stdout, person.types("list").stdout
        publish(server, CHAMPION, metrics={"f1": 0.9, "auc": 0.95}, evaluation={"data_sha256": "a" * 64})
        assert server.roll(digest.sha256(CHAMPION)).json()["state"] == "committed"
        publish(server, WIDE, metrics={"f1": 0.8}, evaluation={"data_sha256": "b" * 64})
        publish(server, BETTER, golden={"rows": ROWS}, environment={"python": "3.4.1"})
        assert server.publish(b"<html>not a model</html>", params={"name": "page.joblib"}).status_code == 422
        yield person


def test_a_list_of_nothing_names_the_next_step(person: Person) -> None:
    models, versions = person.empty
    assert models == "no models yet; next: changeover push FILE\n"
    assert versions == "fresh has no versions yet; next: changeover push FILE -m fresh\n"
    refused = person.types("list", "nobody", code=1)
    assert "nobody" in refused.stderr


def test_the_list_names_versions_states_figures_and_why_one_was_rejected(person: Person) -> None:
    heading, *lines = person.reads("list", "loan")
    assert heading == "VERSION OF loan STATE SIZE CREATED METRICS"
    states = {line.split()[0]: line.split()[1] for line in lines}
    versions = {body: short(digest.sha256(body)) for body in (CHAMPION, WIDE, BETTER)}
    assert [states[version] for version in versions.values()] == ["current", "admitted", "admitted"]
    current = next(line for line in lines if line.startswith(versions[CHAMPION]))
    assert current.endswith("ago f1=0.9 auc=0.95")
    assert f"{len(CHAMPION)} B" in current or "kB" in current
    rejected = next(line for line in lines if "page.joblib" in line)
    assert rejected.split()[1] == "rejected"
    assert "HTML" in rejected
    again = person.reads("list", "-m", "loan")
    assert [_ageless(line) for line in again] == [_ageless(line) for line in (heading, *lines)]
    listing = json.loads(person.types("list", "loan", "--json").stdout)
    assert (listing["model"], len(listing["versions"])) == ("loan", 4)


def _ageless(line: str) -> str:
    return re.sub(r"\d+ s ago", "", line)


def test_the_list_of_models_says_what_each_answers_by(person: Person) -> None:
    assert person.reads("list", "--all") == ["MODEL CURRENT SEQUENCE", f"loan {short(digest.sha256(CHAMPION))} 1"]


def test_a_diff_that_breaks_consumers_says_so_and_what_cannot_be_compared(person: Person) -> None:
    one, other = digest.sha256(CHAMPION), digest.sha256(WIDE)
    lines = person.reads("diff", one, other, "-m", "loan")
    assert lines[0].startswith(f"A {short(one)} ")
    assert lines[1].startswith(f"B {short(other)} ")
    assert "schema NOT compatible: a roll needs --allow-schema-change" in lines
    assert any(line.startswith("breaks column 'x3' is new") for line in lines)
    assert "f1 0.9 0.8 -0.1" in lines
    assert "auc 0.95 - -" in lines
    assert any(line.startswith("size ") and line.endswith(f"{len(WIDE) - len(CHAMPION):+d} B") for line in lines)
    assert "the metrics were measured on different held-out data: do not compare them" in lines
    reasons = [line for line in lines if line.startswith("not compared: ")]
    assert len(reasons) == 2
    assert reasons[0].startswith(f"not compared: {short(one)} does not answer 1 of the other's rows")


def test_a_diff_shows_some_of_many_answers_that_differ(person: Person) -> None:
    lines = person.reads("diff", digest.sha256(CHAMPION)[:10], digest.sha256(BETTER), "-m", "loan")
    assert "schema the same" in lines
    assert "python - 3.4.1 differs" in lines
    summary = next(line for line in lines if line.startswith("golden rows "))
    differ, compared = (int(word) for word in summary.split() if word.isdigit())
    assert compared == len(ROWS) + 1
    shown = [line for line in lines if " -> " in line]
    assert 0 < len(shown) < differ
    assert f"and {differ - len(shown)} more" in lines
    assert all(" for {" in line for line in shown)


def test_a_refused_roll_says_line_by_line_what_it_would_break(person: Person) -> None:
    refused = person.types("roll", digest.sha256(WIDE), "-m", "loan", code=1)
    assert refused.stdout == f"rolling loan to {short(digest.sha256(WIDE))}\n"
    error, *lines = refused.stderr.splitlines()
    assert error.startswith("error: ")
    assert [line.split("  ")[1] for line in lines] == ["breaks"]
    assert "column 'x3' is new" in lines[0]


def test_a_candidate_is_verified_by_its_bytes_alone(person: Person) -> None:
    version = digest.sha256(BETTER)
    first, second, verdict = person.reads("verify", version[:10], "-m", "loan")
    assert first == f"ok SHA-256 of the bytes: {version}"
    assert second == f"ok size in the manifest: {len(BETTER)} bytes"
    assert verdict == f"{short(version)} of loan is what it says"


def test_what_is_current_is_not_verified_while_predict_api_is_away(person: Person) -> None:
    lines = person.reads("verify", "-m", "loan", code=1)
    assert lines[2].startswith("WRONG predict_api: ")
    assert lines[-1].endswith("NOT what it says; do not roll it")


def test_bytes_that_were_changed_in_the_bucket_fail_the_digest(person: Person) -> None:
    bucket, version = person.server.store.bucket(bucket=person.server.bucket), digest.sha256(WIDE)
    changed = bytearray(WIDE)
    changed[len(WIDE) // 2] ^= 1
    bucket.write(keys.artifact_key("loan", version), bytes(changed), "application/octet-stream")
    try:
        wrong = person.types("verify", version, "-m", "loan", code=1)
        assert "WRONG" in wrong.stdout
        assert "NOT what it says; do not roll it" in wrong.stdout
        comparison = json.loads(person.types("diff", digest.sha256(BETTER), version, "-m", "loan", "--json").stdout)
        assert any(f"{short(version)} cannot be asked" in reason for reason in comparison["golden"]["cannot"])
    finally:
        bucket.write(keys.artifact_key("loan", version), WIDE, "application/octet-stream")
        bucket.close()
