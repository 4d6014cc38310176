"""The exceptions that more than one package raises: one class a cause.

A message names the thing and the next step. Each service chooses its HTTP status codes in
`routes/problems.py`.
"""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject

MOST_LISTED: Final = 20  # errors of a response


class ChangeoverError(Exception):
    """The base of every error that this project raises on purpose."""


class InvalidName(ChangeoverError):
    """A model name outside `[a-z0-9][a-z0-9_-]{0,62}`."""


class InvalidVersion(ChangeoverError):
    """A version that is neither 64 hex digits nor a prefix of 8 or more."""


class AmbiguousVersion(ChangeoverError):
    """A version prefix that several versions share."""


class UnknownVersion(ChangeoverError):
    """A version that this model does not have."""


class NothingRolls(ChangeoverError):
    """A model without a rollout under way, so that there is none to abort."""


class InvalidTokens(ChangeoverError):
    """A TOKENS_FILE, or a line of it, that `changeover/protocol/token_file.py` does not read."""


class InvalidKeyFile(ChangeoverError):
    """A file of a key of the registry, or of its public keys, that cannot be read; the message names file and line."""


class SealBroken(ChangeoverError):
    """An object without a valid seal (`docs/sealed.md`), or one that contradicts its seal; the message names its key."""


class DigestMismatch(ChangeoverError):
    """Bytes whose SHA-256 is not the expected one."""


class InvalidDigestHeader(ChangeoverError):
    """A `Repr-Digest` header that is not `sha-256=:<base64>:` (RFC 9530)."""


class InvalidManifest(ChangeoverError):
    """A manifest that is not the JSON described in `changeover/manifest/manifest.py`."""


class InvalidSchema(ChangeoverError):
    """A schema that is not the JSON described in `changeover/schema/schema.py`."""


class InvalidGate(ChangeoverError):
    """A `GATE` that is not the list of conditions described in `changeover/manifest/gate.py`."""


class NotJson(ChangeoverError):
    """A body that is not the strict JSON of `changeover/request/strict_json.py`; the message says why."""


class NotCsv(ChangeoverError):
    """A body that is not the CSV of `changeover/request/csv_columns.py`; the message says why."""


class NotArrow(ChangeoverError):
    """A body that is no Arrow stream, or none of `changeover/request/arrow_columns.py`; the message says why."""


class UnpacksTooFar(ChangeoverError):
    """A body whose compressed or shared parts unpack to more bytes than a body may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body unpacks to more than {limit} bytes: send the rows in parts")


class RequestFaults(ChangeoverError):
    """Rows that do not fit the schema.

    `errors` holds the first 20 as `{"row": 0, "field": "x12", "message": "..."}` (row and field may be None);
    `total` counts all of them.
    """

    def __init__(self, errors: list[dict[str, str | int | None]], total: int) -> None:
        self.errors = errors
        self.total = total
        first = errors[0] if errors else {"row": None, "field": None, "message": "no validation error was recorded"}
        position = ", ".join(f"{name} {first[name]}" for name in ("row", "field") if first.get(name) is not None)
        more = f" (and {total - 1} more)" if total > 1 else ""
        super().__init__(f"{position}: {first['message']}{more}" if position else f"{first['message']}{more}")


class TooManyRows(ChangeoverError):
    """A batch of more rows than one request may hold."""

    def __init__(self, rows: int, limit: int) -> None:
        self.rows = rows
        self.limit = limit
        super().__init__(f"the batch has {rows} rows, at most {limit} fit into one request: send it in parts")


class ForbiddenGlobal(ChangeoverError):
    """An artifact that asks for a global outside the allow-list; `name` is that global, dotted.

    `next_step` is the advice for this name: `changeover/artifact/next_step.py`.
    """

    def __init__(self, name: str, next_step: str = "publish a pipeline of scikit-learn parts without it") -> None:
        self.name = name
        super().__init__(f"the artifact asks for {name}, which is not on the allow-list of models; {next_step}")


class UnreadableArtifact(ChangeoverError):
    """Bytes that are no joblib or pickle file, or a truncated one."""


class UnsafeState(UnreadableArtifact):
    """Object state in an artifact that would do harm or crash when the object is called.

    `where` is the path from the model (`.steps[1][1].memory`), `fault` the problem there.
    """

    def __init__(self, where: str, fault: str) -> None:
        super().__init__(f"the artifact cannot be served: model{where} {fault}")
        self.where, self.fault = where, fault


class NotAnEstimator(ChangeoverError):
    """An artifact that loads, but has no `predict`."""


class GoldenMismatch(ChangeoverError):
    """A model whose answers to its golden rows differ from its manifest."""


class ScoringFailed(ChangeoverError):
    """The model raised, or returned a value without a JSON form, such as NaN."""


class NotFinite(ScoringFailed):
    """An answer of NaN or an infinite number; `rows` are the indices of its rows in the call."""

    def __init__(self, message: str, rows: Sequence[int] = ()) -> None:
        self.rows = rows
        super().__init__(message)


class RowsNotAnswered(ScoringFailed):
    """Rows of a request that the model does not answer, while it answers others.

    `rows` holds the first 20 with their messages, `errors` the same as `{"row": 7, "field": None, "message": "..."}`.
    A row is None if the model refuses the rows together and no single one. `total` counts all of them; it is None if
    the search for them ended before.
    """

    def __init__(self, errors: list[tuple[int | None, str]], total: int | None) -> None:
        self.rows = errors[:MOST_LISTED]
        self.errors = [{"row": row, "field": None, "message": message} for row, message in self.rows]
        self.total = total
        row, message = errors[0] if errors else (None, "the model does not answer these rows")
        more = f" (and {total - 1} more)" if total and total > 1 else ""
        unknown = " (the search for further rows ended here)" if total is None else ""
        super().__init__(f"{'' if row is None else f'row {row}: '}{message}{more}{unknown}")


class InvalidSetting(ChangeoverError):
    """An environment variable that is missing or not of its type; the message names the variable."""


class MissingPackage(ChangeoverError):
    """A package of another project that is not installed, as it comes with an extra of this one."""

    def __init__(self, name: str, extra: str = "") -> None:
        what = "what this command needs" if extra else "what every command needs"
        super().__init__(f'{name} is not installed; `pip install "changeover[{extra or "embedded"}]"` brings {what}')


class StackNotFound(ChangeoverError):
    """Neither `up.json` nor the `CHANGEOVER_*` variables give the addresses of the services."""


class ServiceUnreachable(ChangeoverError):
    """No answer from a service; the message names its address."""


class NotJsonResponse(ServiceUnreachable):
    """A response that is not JSON: another service, or a gateway, answers at the address."""


class UnsendableValue(ChangeoverError):
    """A value that JSON cannot hold in a request for a prediction; the message names its row and column."""


class ServiceRefused(ChangeoverError):
    """A service answered with an RFC 9457 problem; `status` and `problem` hold it."""

    def __init__(self, status: int, problem: JsonObject) -> None:
        self.status = status
        self.problem = problem
        title = problem.get("title") or f"HTTP {status}"
        detail = problem.get("detail")
        super().__init__(f"{title}: {detail}" if detail else str(title))


class UnknownHost(ChangeoverError):
    """A request whose Host header names none of the hosts that the service answers to."""

    def __init__(self, host: str | None) -> None:
        shown = (host or "")[:100]
        super().__init__(f"{shown!r} is no host name of this service; its operator lists it in ALLOWED_HOSTS")


class AskOriginal(ChangeoverError):
    """Valid rows that the ONNX twin does not answer: the estimator answers them."""
