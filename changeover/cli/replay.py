"""`changeover replay`: computes an answer again, by the version that its receipt names, and compares."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from changeover import stack
from changeover.cli.check import Check
from changeover.cli.command import Verb, stack_options
from changeover.cli.output import answer
from changeover.cli.verify_seals import keys_option, of_up, sealed, trusted
from changeover.exceptions import ChangeoverError, InvalidKeyFile, SealBroken
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.protocol.wire import Current
from changeover.sealed.envelope import LARGEST, Envelope, decode
from changeover.sealed.statement import ReceiptFacts
from changeover.sealed.trust import trust_of

if TYPE_CHECKING:
    from changeover.client.client import Client

_SECONDS: Final = 900.0
_MARKS: Final = {True: "ok", False: "WRONG", None: "skipped"}


class NotReplayed(ChangeoverError):
    """An error of the process that computes the answer again; the message is its own."""


@click.command(cls=Verb)
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--inputs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File with the body of the request, as JSON.",
)
@click.option(
    "--receipt-keys-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the public keys of predict_api.  [default: that of `changeover up`]",
)
@keys_option
@click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.cache/changeover"),
    show_default=True,
    help="Folder for verified versions.",
)
@stack_options
def replay(
    receipt: Path,
    inputs: Path,
    receipt_keys_file: Path | None,
    keys_file: Path | None,
    cache_dir: Path,
    home: Path | None,
    server_url: str | None,
    as_json: bool,
) -> None:
    """Compute the answer of RECEIPT again by the version that it names, and say whether it is equal.

    RECEIPT is a file with the value of the header that `?receipt=1` asks predict_api for. The version comes from model_server; its manifest and
    the ledger are verified first.
    """
    from changeover.client.client import Client

    client = Client(server_url, home=home)
    facts = _facts(receipt, receipt_keys_file or _keys_of_up(client))
    checks = [Check("signature of the receipt", True, f"by replica {facts.replica} at {facts.answered_at}")]
    seals = sealed(client, facts.model, facts.version, trusted(client, keys_file))
    checks += [*seals.checks, *_in_ledger(facts, seals.chain)]
    again = _again(client, facts, inputs, cache_dir)
    checks += [
        Check("inputs as they were understood", again.get("inputs") == facts.inputs, f"{facts.rows} rows"),
        Check("answer", again.get("answer") == facts.answer, f"by {facts.runtime}, SHA-256 {facts.answer}"),
    ]
    equal = all(check.ok is not False for check in checks)
    lines = [f"{_MARKS[check.ok]:8s}{check.name}: {check.detail}" for check in checks]
    verdict = "equal: this version gives this answer" if equal else "NOT equal"
    lines.append(f"{verdict}; {facts.model} at {short(facts.version)}, sequence {facts.sequence}")
    body = {"equal": equal, "model": facts.model, "version": facts.version, "sequence": facts.sequence}
    answer({**body, "checks": [check.__dict__ for check in checks]}, lines, as_json)
    if not equal:
        raise click.exceptions.Exit(1)


def _facts(receipt: Path, keys: Path | None) -> ReceiptFacts:
    """What the receipt says; raises SealBroken or InvalidKeyFile."""
    trust = trust_of(keys)
    if trust is None:
        raise InvalidKeyFile("no public keys of predict_api are given: --receipt-keys-file FILE (docs/sealed.md)")
    content = receipt.read_bytes()[: 2 * LARGEST].strip()
    try:
        envelope = Envelope.read(content if content.startswith(b"{") else decode(content.decode("ascii")))
    except UnicodeDecodeError as error:
        raise SealBroken(f"{receipt} has no receipt: neither JSON nor base64") from error
    return trust.receipt(envelope)


def _keys_of_up(client: "Client") -> Path | None:
    path = of_up(client)
    keys = stack.receipt_keys(client.home) if path else None
    return keys if keys and keys.exists() else None


def _in_ledger(facts: ReceiptFacts, chain: list[JsonObject]) -> list[Check]:
    """The check that the version was current under the sequence of the receipt, if the chain was verified."""
    if not chain:
        return []
    current = Current(facts.sequence, facts.version)
    entry = next((each for each in chain if each["sequence"] == facts.sequence), None)
    same = entry is not None and entry["version"] == current.version
    return [Check("the ledger has it under that sequence", same, f"sequence {facts.sequence}")]


def _again(client: "Client", facts: ReceiptFacts, inputs: Path, cache_dir: Path) -> JsonObject:
    """The digests of the inputs and the answer, computed in a process of its own; raises NotReplayed."""
    stored = client.seals.manifest(facts.version, facts.model)
    version = {
        "model": facts.model,
        "version": facts.version,
        "cache_dir": str(cache_dir.expanduser().resolve()),
        "server_url": client.stack.server_url,
        "token": client.stack.token,
    }
    request = {
        "version": version,
        "manifest": json.loads(stored.content or b"{}"),
        "runtime": facts.runtime,
        "body": base64.b64encode(inputs.read_bytes()).decode("ascii"),
    }
    command = [sys.executable, "-P", "-m", "bulk_score", "replay", str(os.getpid())]
    done = subprocess.run(  # noqa: S603  our own module
        command, input=json.dumps(request).encode() + b"\n", stdout=subprocess.PIPE, check=False, timeout=_SECONDS
    )
    try:
        result: JsonObject = json.loads(done.stdout or b"{}")
    except ValueError:
        result = {}
    if result.get("type") != "replayed":
        raise NotReplayed(str(result.get("error") or "the process that computes the answer ended without a word"))
    return result
