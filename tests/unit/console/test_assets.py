"""The static files: those of others are listed with their digest, and each is what the list says."""

import gzip
import hashlib
import re
from importlib.resources import files

from model_server.console.assets import ASSETS, address

STATIC = files("model_server.console").joinpath("static")


def test_every_file_of_others_is_listed_with_its_release_licence_and_digest() -> None:
    lines = [line.split() for line in STATIC.joinpath("VENDORED").read_text().splitlines() if line[:1] not in {"#", ""}]
    assert [line[0] for line in lines] == ["htmx.org"]
    for name, release, licence, file, digest in lines:
        assert re.fullmatch(r"\d+\.\d+\.\d+", release)
        assert hashlib.sha256(STATIC.joinpath(file).read_bytes()).hexdigest() == digest
        assert release in STATIC.joinpath(file).read_text() or name == "htmx.org"
        assert licence == "0BSD"
        assert "Zero-Clause BSD" in STATIC.joinpath(f"{file.split('.')[0]}.LICENSE").read_text()


def test_another_content_has_another_address() -> None:
    for name, asset in ASSETS.items():
        assert hashlib.sha256(asset.body).hexdigest().startswith(asset.digest)
        assert address(name) == f"/ui/static/{asset.digest}/{name}"
        assert gzip.decompress(asset.packed) == asset.body


def test_our_own_files_reach_no_other_host() -> None:
    for name in ("console.css", "console.js", "icon.svg"):
        text = ASSETS[name].body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//[a-z]|@import|url\(", text), name
        assert "eval(" not in text
        assert "innerHTML" not in text
