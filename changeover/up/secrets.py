"""The secrets of a stack without Docker, created once in `HOME/secrets` (0700, files 0600).

Each file holds one secret and has its name. No secret is ever printed.
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from changeover.process.atomic_file import write_atomically
from changeover.process.service_settings import PublishToken, ReportToken
from changeover.process.settings import Settings


class GivenTokens(Settings):
    """Tokens from the environment, which replace the generated ones."""

    publish_token: PublishToken = SecretStr("")
    report_token: ReportToken = SecretStr("")


@dataclass(frozen=True)
class Secrets:
    """The tokens and keys that the services share."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    publish_token: str = field(repr=False)
    report_token: str = field(repr=False)


def keep(folder: Path) -> Secrets:
    """The secrets in `folder`, each generated if missing; tokens from the environment win."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    tokens = GivenTokens.from_environment()
    return Secrets(
        access_key=_kept(folder / "access_key"),
        secret_key=_kept(folder / "secret_key"),
        publish_token=tokens.publish_token.get_secret_value() or _kept(folder / "publish_token"),
        report_token=tokens.report_token.get_secret_value() or _kept(folder / "report_token"),
    )


def _kept(path: Path) -> str:
    """The content of `path`; a missing file is first written with a random secret."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = ""
    if text:
        return text
    text = secrets.token_hex(24)
    write_atomically(path, f"{text}\n".encode("ascii"))
    return text
