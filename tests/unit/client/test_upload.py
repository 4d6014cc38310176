"""The body of a publish: streamed, of known length, and readable by a form parser."""

import io
import json
from pathlib import Path

from werkzeug.formparser import parse_form_data

from changeover.client.upload import Body, Published, sha256_of_file
from changeover.digest import sha256
from changeover.manifest.manifest import Draft

ARTIFACT = bytes(range(256)) * 5000


def test_without_a_manifest_the_body_is_the_artifact() -> None:
    body = Body(io.BytesIO(ARTIFACT), len(ARTIFACT), None)
    assert body.content_type == "application/octet-stream"
    assert len(body) == len(ARTIFACT)
    assert b"".join(body) == ARTIFACT


def test_with_a_manifest_it_is_a_form_of_two_parts() -> None:
    draft = Draft(metrics={"auc": 0.5}, description='quotes " and newlines\r\n')
    body = Body(io.BytesIO(ARTIFACT), len(ARTIFACT), draft)
    sent = b"".join(iter(lambda: body.read(8192), b""))
    assert len(sent) == len(body)
    environ = {
        "wsgi.input": io.BytesIO(sent),
        "CONTENT_TYPE": body.content_type,
        "CONTENT_LENGTH": str(len(sent)),
        "REQUEST_METHOD": "POST",
    }
    _, form, files = parse_form_data(environ)
    assert files["artifact"].read() == ARTIFACT
    assert Draft.from_json(json.loads(form["manifest"])) == draft


def test_progress_counts_up_to_the_whole() -> None:
    seen: list[tuple[int, int]] = []
    body = Body(io.BytesIO(ARTIFACT), len(ARTIFACT), Draft(), lambda sent, total: seen.append((sent, total)))
    assert b"".join(body)
    assert [sent for sent, _ in seen] == sorted(sent for sent, _ in seen)
    assert seen[-1] == (len(body), len(body))


def test_a_file_is_hashed_as_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(ARTIFACT)
    assert sha256_of_file(tmp_path / "model") == sha256(ARTIFACT)


def test_the_result_of_a_publish_names_the_next_step() -> None:
    shown = repr(Published("loan", "9f" * 32, "admitted", created=True, warnings=["built with scikit-learn 1.8"]))
    assert "loan 9f9f9f9f9f9f is admitted, new" in shown
    assert "Client().roll('9f9f9f9f9f9f', model='loan')" in shown
    assert "warning: built with scikit-learn 1.8" in shown
