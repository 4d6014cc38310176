"""The checks of seals for `changeover verify`: those of a version's manifest, and of the chain of its model's ledger.

The public keys are the caller's own: a key from the process that is verified would prove nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from changeover import stack
from changeover.cli.check import Check
from changeover.exceptions import SealBroken, StackNotFound
from changeover.json_types import JsonObject
from changeover.names import short
from changeover.process.service_settings import RegistryKeysFile
from changeover.process.settings import Settings
from changeover.sealed.chain import Link, breaks
from changeover.sealed.statement import ManifestFacts
from changeover.sealed.trust import Trust, trust_of

if TYPE_CHECKING:
    from changeover.client.client import Client
    from changeover.client.seals import Stored

keys_option = click.option(
    "--keys-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the registry's public keys.  [default: REGISTRY_KEYS_FILE, or that of `changeover up`]",
)


class KeysSettings(Settings):
    """The file of the registry's public keys for the command line: the same as that of the services."""

    registry_keys_file: RegistryKeysFile = None


@dataclass(frozen=True)
class Sealed:
    """The result: the checks, and the verified entries of the chain as JSON, oldest first."""

    checks: list[Check]
    chain: list[JsonObject]


def trusted(client: "Client", keys_file: Path | None) -> Trust | None:
    """The trust in the given keys, in those of REGISTRY_KEYS_FILE, or of `changeover up`; None without any."""
    named = keys_file or KeysSettings.from_environment().registry_keys_file
    if named is not None:
        return trust_of(named)
    path = of_up(client)
    return trust_of(path) if path and path.exists() else None


def of_up(client: "Client") -> Path | None:
    """The file of public keys of the stack that the client has found, if it is one of `changeover up`."""
    try:
        same = stack.read(client.home).server_url == client.stack.server_url
    except StackNotFound:
        return None
    return stack.registry_keys(client.home) if same else None


def sealed(client: "Client", model: str, version: str, trust: Trust | None) -> Sealed:
    """The checks of the seals of `version` and of the ledger of `model`; none without keys."""
    if trust is None:
        return Sealed([], [])
    checks: list[Check] = []
    facts: ManifestFacts | None = None
    try:
        stored = client.seals.manifest(version, model)
        facts = trust.manifest(stored.content or b"", stored.seal, model, version)
        checks.append(Check("seal of the manifest", True, f"number {facts.number}, sealed at {facts.sealed_at}"))
    except SealBroken as error:
        checks.append(Check("seal of the manifest", False, str(error)))
    links: list[Link] = []
    faults = list(_faults(client, model, trust, links))
    names = [link.facts.manifest.number for link in links if link.facts.version == version and link.facts.manifest]
    if facts is not None and max(names, default=0) > facts.number:
        faults.append(f"the ledger names manifest {max(names)} of {short(version)}, the newest one is {facts.number}")
    good = f"{len(links)} entries, each names the one before it"
    checks.append(Check("chain of the ledger", not faults, "; ".join(faults[:3]) or good))
    return Sealed(checks, [_shown(link) for link in links])


def _faults(client: "Client", model: str, trust: Trust, links: list[Link]) -> Iterator[str]:
    """The faults of a chain; the verified links are added to `links`."""
    for sequence, stored in client.seals.chain(model):
        try:
            links.append(_link(model, sequence, stored, trust))
        except SealBroken as error:
            yield str(error)
    for sequence, reason in breaks(links):
        yield f"rollouts/{model}/{sequence:08d}.json: {reason}"


def _link(model: str, sequence: int, stored: "Stored", trust: Trust) -> Link:
    if stored.content is None:
        raise SealBroken(f"rollouts/{model}/{sequence:08d}.json: it is gone")
    link = trust.link(stored.seal, model, sequence, stored.content)
    try:
        version = json.loads(stored.content)["version"]
    except (ValueError, TypeError, KeyError):
        version = None
    if version != link.facts.version:
        raise SealBroken(f"{link.facts.name}: its seal is that of version {link.facts.version}, it has {version!r}")
    return link


def _shown(link: Link) -> JsonObject:
    facts = link.facts
    return {
        "sequence": facts.sequence,
        "version": facts.version,
        "sha256": link.sha256,
        "before": facts.before,
        "manifest": facts.manifest.sha256 if facts.manifest else None,
        "sealed_at": facts.sealed_at,
        "by": facts.by,
    }
