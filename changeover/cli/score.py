"""`changeover score`: scores the files of a table by one version, in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import click
from pydantic import Field, SecretStr

from changeover import stack
from changeover.cli.command import Verb, model_option, stack_options
from changeover.cli.output import answer
from changeover.exceptions import ChangeoverError, MissingPackage
from changeover.json_types import Json, JsonObject
from changeover.names import short
from changeover.process import clock
from changeover.process.service_settings import Bucket
from changeover.process.settings import Settings

_S3: Final = "s3://"
_EVERY: Final = 0.2  # seconds between two changes of the progress line


class StoreOfFiles(Settings):
    """The store of addresses that begin with s3://, and of the record of a run."""

    aws_endpoint_url_s3: str = Field(default="", description="the store's address, such as http://127.0.0.1:9000")
    aws_region: str = Field(default="us-east-1", description="the store's region")
    aws_access_key_id: str = Field(default="", description="the access key")
    aws_secret_access_key: SecretStr = Field(default=SecretStr(""), description="the secret key")
    bucket: Bucket = "models"


class ScoringFailed(ChangeoverError):
    """An error of the process that scores; the message is its own."""


@click.command(cls=Verb)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@model_option
@click.option("--at", default="now", show_default=True, metavar="now|SEQUENCE|HASH", help="The version to score with.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Input column to put before the answers; repeatable.")
@click.option("--format", "kind", type=click.Choice(["parquet", "csv"]), help="Format of OUT.  [default: that of IN]")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that score.  [default: one for each core]")
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.cache/changeover"),
    show_default=True,
    help="Folder for verified versions.",
)
@stack_options
def score(source: str, target: str, as_json: bool, **options: Any) -> None:
    """Score the rows of IN into the folder OUT, by one version.

    IN is a CSV or Parquet file, a folder of them, or s3://BUCKET/PREFIX; OUT a folder or s3://BUCKET/PREFIX. The answers
    are prediction, predict_proba and model_version. Started again, it continues a run that ended early.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingPackage("pyarrow", "arrow")
    request = _request(source, target, **options)
    command = [sys.executable, "-P", "-m", "bulk_score", "run", str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  our own module
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin, process.stdout:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
        progress = _Progress(quiet=as_json)
        last: JsonObject = {}
        for line in process.stdout:
            last = json.loads(line)
            progress.take(last)
        progress.done()
    if last.get("type") != "done":
        raise ScoringFailed(str(last.get("error") or "the process that scores was ended: start again to continue"))
    answer({name: value for name, value in last.items() if name != "type"}, _lines(last, target), as_json)


def _request(
    source: str,
    target: str,
    *,
    model: str | None,
    at: str,
    keep: tuple[str, ...],
    kind: str | None,
    workers: int | None,
    cache_dir: Path,
    home: Path | None,
    server_url: str | None,
) -> JsonObject:
    """The request to the process that scores, with the secrets of the stack."""
    found = stack.find(home, server_url)
    return {
        "source": _absolute(source),
        "target": _absolute(target),
        "server_url": found.server_url,
        "token": found.token,
        "authorities": found.tls_ca,
        "model": model,
        "at": at,
        "keep": list[Json](keep),
        "kind": kind,
        "workers": workers or _cores(),
        "cache_dir": str(cache_dir.expanduser().resolve()),
        "store": _store(found),
    }


def _absolute(place: str) -> str:
    return place if place.startswith(_S3) else str(Path(place).resolve())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _store(found: stack.Stack) -> Json:
    """The store by the variables of AWS, else that of the stack; None without any."""
    settings = StoreOfFiles.from_environment()
    if settings.aws_endpoint_url_s3 and settings.aws_access_key_id:
        return {
            "endpoint": settings.aws_endpoint_url_s3,
            "bucket": settings.bucket,
            "region": settings.aws_region,
            "access_key": settings.aws_access_key_id,
            "secret_key": settings.aws_secret_access_key.get_secret_value(),
        }
    if found.store_url and found.access_key:
        keys: JsonObject = {"access_key": found.access_key, "secret_key": found.secret_key}
        return {"endpoint": found.store_url, "bucket": found.bucket, **keys}
    return None


def _lines(last: JsonObject, target: str) -> list[str]:
    before = int(str(last["rows"])) - int(str(last["scored"]))
    known = f", {before:,} of them before" if before else ""
    lines = [f"{last['rows']:,} rows scored by {last['model']} at {short(str(last['version']))}{known}"]
    lines.append(f"{last['parts']} parts and _SUCCESS are in {target}; the run is {short(str(last['run']))}")
    if last["recorded"]:
        lines.append(f"recorded in the bucket as {last['recorded']}")
    else:
        lines.append(f"not recorded in the bucket: {last['why']}")
    return lines


class _Progress:
    """The progress line of a run; on a terminal only."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._rows = self._done = self._before = 0
        self._began = self._shown = clock.now()

    def take(self, message: JsonObject) -> None:
        """Show what a message of the run adds."""
        if message.get("type") == "begun":
            self._rows, self._done = int(str(message["rows"])), int(str(message["done"]))
            self._before, self._began = self._done, clock.now()
        elif message.get("type") == "scored":
            self._done += int(str(message["rows"]))
            self._show()

    def _show(self) -> None:
        now = clock.now()
        if not self._on or (now - self._shown < _EVERY and self._done < self._rows):
            return
        self._shown = now
        rate = (self._done - self._before) / max(1e-9, now - self._began)
        left = (self._rows - self._done) / rate if rate else 0.0
        share = self._done / max(1, self._rows)
        bar = "#" * int(30 * share)
        click.echo(
            f"\r[{bar:30s}] {share:4.0%}  {self._done:,} of {self._rows:,} rows  {rate:,.0f}/s  {left:.0f} s left \x1b[K",
            nl=False,
            err=True,
        )

    def done(self) -> None:
        """Clear the line."""
        if self._on:
            click.echo("\r\x1b[K", nl=False, err=True)
