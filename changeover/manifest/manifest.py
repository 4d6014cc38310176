"""The manifest of a version: `versions/<model>/<sha256>/manifest.json`.

It holds schema, classes, metrics, environment, golden rows and provenance. A publisher sends a `Draft` with any of
these; admission completes it into a `Manifest`.
"""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

import msgspec

from changeover.drift.reference import read_reference
from changeover.exceptions import InvalidManifest
from changeover.json_documents import read_document
from changeover.json_types import Json, JsonObject

FORMAT: Final = 1
_LATER: Final = ("evaluation", "outputs", "reference")
ENVIRONMENT_NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}\Z"
DEFAULT_ENVIRONMENT: Final = "default"

if TYPE_CHECKING:
    Metrics = dict[str, float]
else:
    Metrics = dict  # `_check` names the metric at fault, and an integer stays an integer


class Draft(msgspec.Struct, frozen=True):
    """The publisher's part of a manifest; every member may be missing.

    `schema` is `changeover.schema.schema.Schema` as JSON; `metrics` are numbers by name; `environment` is versions by
    distribution name; `golden` is `{"rows": [{...}, ...], "outputs": [{"prediction": ..., "predict_proba": ...}, ...]}`
    with as many outputs as rows, or none for admission to compute; admission adds `"recorded_by": "publisher"` or
    `"admission"`. `evaluation` is `{"data_sha256": "<64 hex>",
    "rows": n}`: the held-out data that the metrics were measured on (`changeover.evaluated_on` makes it).
    `outputs` are the names of the values of one prediction, of a model that gives several. `reference` is
    `changeover.drift.reference.Reference` as JSON: what the inputs and the answers are compared with.
    """

    schema: JsonObject | None = None
    metrics: Metrics = {}
    environment: dict[str, str] = {}
    golden: JsonObject | None = None
    description: str = ""
    evaluation: JsonObject | None = None
    outputs: list[str] = []
    reference: JsonObject | None = None

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read a publisher's JSON; raises InvalidManifest naming the invalid member."""
        unknown = sorted(set(body) - set(cls.__struct_fields__)) if isinstance(body, dict) else []
        if unknown:
            raise InvalidManifest(
                f"the manifest has unknown members {unknown}; known are {sorted(cls.__struct_fields__)}"
            )
        return read_document(_without_nulls(body), cls, "manifest", InvalidManifest)

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`; members that older servers lack only if they are set."""
        body: JsonObject = msgspec.structs.asdict(self)
        return {name: value for name, value in body.items() if value or name not in _LATER}


class Manifest(msgspec.Struct, frozen=True):
    """The manifest of one version. `created_at` is RFC 3339 in UTC, `size` in bytes.

    `estimator` is `{"type": "Pipeline", "kind": "classifier" | "regressor" | "other", "predict_proba": true}`;
    its `includes` are what a request may have beside the answers, of `decision` and `std`;
    `classes` are the labels in the order of `predict_proba`, or None; `provenance` is the origin of the bytes:
    `{"source": "http" | "incoming" | "uri" | "file", "name": ..., "by": ..., "on_behalf_of": ...}`; `warnings` are
    sentences for people; `evaluation`, `outputs` and `reference` are as in `Draft`; `twin` is the ONNX twin as
    `{"sha256": ..., "size": ..., "proof": {...}}`, or `{"absent": reason}`, or None if no export was tried;
    `runner_environment` is the name of the environment whose libraries serve it. `schema_by` and `golden_by` say where schema and golden rows come from: the publisher gave them, or
    admission inferred them. `updated_at` is when a later publish of the same bytes added to the manifest, or empty.
    If not `row_independent`, the answer to a row may depend on the other rows of a call, so that a call has the rows of
    one request.
    """

    model: str
    version: str
    size: int
    created_at: str
    schema: JsonObject
    estimator: JsonObject
    classes: list[Json] | None = None
    metrics: Metrics = {}
    environment: dict[str, str] = {}
    golden: JsonObject | None = None
    description: str = ""
    provenance: JsonObject = {}
    warnings: list[str] = []
    evaluation: JsonObject | None = None
    twin: JsonObject | None = None
    runner_environment: Annotated[str, msgspec.Meta(pattern=ENVIRONMENT_NAME)] = DEFAULT_ENVIRONMENT
    row_independent: bool = True
    outputs: list[str] = []
    format: Annotated[int, msgspec.Meta(ge=FORMAT)] = FORMAT
    schema_by: Literal["publisher", "admission"] = "publisher"
    golden_by: Literal["publisher", "admission"] = "publisher"
    updated_at: str = ""
    reference: JsonObject | None = None

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Read a stored manifest; raises InvalidManifest. Members of later formats are ignored."""
        return read_document(_without_nulls(body), cls, "manifest", InvalidManifest)

    def to_json(self) -> JsonObject:
        """The JSON form, read back by `from_json`."""
        return msgspec.structs.asdict(self)


class _Golden(msgspec.Struct):
    rows: list[JsonObject]
    outputs: list[Json] | None = None
    recorded_by: Literal["publisher", "admission"] | None = None


class _Evaluation(msgspec.Struct):
    data_sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    rows: Annotated[int, msgspec.Meta(ge=0)] | None = None


def _without_nulls(body: object) -> object:
    """A null stands for a missing member."""
    return {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else body


def _check(document: Draft | Manifest) -> None:
    """Check what the types of the members do not say; raises InvalidManifest."""
    for name, figure in document.metrics.items():
        if isinstance(figure, bool) or not isinstance(figure, int | float) or figure - figure != 0:
            raise InvalidManifest(f"manifest.metrics.{name}: {figure!r} is no finite number")
    if document.golden is not None:
        golden = read_document(document.golden, _Golden, "manifest.golden", InvalidManifest)
        if golden.outputs is not None and len(golden.outputs) != len(golden.rows):
            raise InvalidManifest(
                f"manifest.golden.outputs: {len(golden.outputs)} outputs for {len(golden.rows)} rows; give one a row"
            )
    if not all(document.outputs) or len({*document.outputs}) < len(document.outputs):
        raise InvalidManifest(f"manifest.outputs: {document.outputs} are no names: give each output another one")
    if isinstance(document, Draft) and document.reference is not None:
        read_reference(document.reference)  # not of a manifest: that would slow lists down
    if document.evaluation is not None:
        read_document(document.evaluation, _Evaluation, "manifest.evaluation", InvalidManifest)
