"""`docs/clients.md`: what each call of each client got from a running stack."""

from collections.abc import Mapping
from pathlib import Path

from tests.clients.environments import CLIENTS, locked_version
from tests.tree import ROOT

PAGE = ROOT / "docs" / "clients.md"
TITLES = {
    "tritonclient": "`tritonclient.http`",
    "kserve": "kserve's `InferenceRESTClient`",
    "mlserver": "MLServer's codecs",
    "mlflow": "MLflow's `ScoringServerClient`",
}
Outcomes = Mapping[str, list[list[str]]]  # of each client: calls and what came
_HEAD = """# Clients

The official clients of other servers, unchanged, against a running stack: what each call got. `ok` is the right answer; anything else
is what came instead. The model has an integer, a number that may be missing, a string and a boolean, and string labels; for
matrices there is one of 13 numbers. `docs/dialects.md` says which paths there are.

`python -m tests.clients` writes this page. `tests/clients/test_clients.py` runs the clients, each in an environment of its own
from the locks in `tests/clients/requirements/`, and compares the page with what came.
"""


def page(outcomes: Outcomes) -> str:
    """The whole page."""
    lines = [_HEAD, "| client | call | answer |", "|---|---|---|"]
    for client in CLIENTS:
        title = f"{TITLES[client]} {locked_version(client)}"
        for call, outcome in outcomes[client]:
            lines.append(f"| {title} | {call} | {outcome.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """The page as it is in the documents."""
    return Path(PAGE).read_text(encoding="utf-8")
