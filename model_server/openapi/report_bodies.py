"""The JSON Schemas of what replicas report: their status, rehearsals, watches, counts and traffic."""

from collections.abc import Sequence
from typing import Final

from changeover.json_types import JsonObject
from changeover.protocol.drift_counts import HOUR, MOST_MODELS
from changeover.protocol.openapi_parts import INTEGER, JSON, NAME, SHA256, TEXT, list_of, object_of, or_null
from changeover.protocol.rehearsal_counts import MILLISECONDS, MOVES
from changeover.protocol.watch_counts import LABEL_BINS

_COUNT: Final[JsonObject] = {**INTEGER, "minimum": 0}
_FLAG: Final[JsonObject] = {"type": "boolean", "default": False}
_OBJECT: Final[JsonObject] = {"type": "object"}
_COUNTED: Final[JsonObject] = {**INTEGER, "minimum": 0, "maximum": 10**15 - 1}


def _bins(ends: Sequence[float], what: str) -> JsonObject:
    """The counts in the bins with these upper ends, and in the open one."""
    more = {"minItems": len(ends) + 1, "maxItems": len(ends) + 1}
    return list_of(_COUNTED, description=f"{what}, in bins up to {', '.join(map(str, ends))}, and above", **more)


_INT_OF_A_REPORT: Final[JsonObject] = {**INTEGER, "minimum": 1 - 10**18, "maximum": 10**18 - 1}
_REHEARSAL: Final = object_of(
    {
        "id": {**TEXT, "maxLength": 128, "description": "the id of the rollout"},
        "rows": {**_COUNTED, "description": "rows that both versions were asked"},
        "differing": {**_COUNTED, "description": "of these, those that got another answer"},
        "failed": {**_COUNTED, "description": "of these, those that got none from the new version"},
        "moves": _bins(MOVES, "rows by the largest move of a probability"),
        "new_ms": _bins(MILLISECONDS, "requests by the milliseconds that the new version took"),
        "current_ms": _bins(MILLISECONDS, "the same of the current version"),
        "unable": {**TEXT, "maxLength": 300, "description": "why no row can be compared"},
    },
    *("id", "rows", "differing", "failed", "moves", "new_ms", "current_ms", "unable"),
)
_LABELS: Final = list_of(_COUNTED, minItems=LABEL_BINS, maxItems=LABEL_BINS)
_WATCH: Final = object_of(
    {
        "id": {**TEXT, "maxLength": 128, "description": "the id of the rollout"},
        "before": {**_COUNTED, "description": "requests of the version before the switch"},
        "before_failed": {**_COUNTED, "description": "of these, those that the model did not answer"},
        "after": {**_COUNTED, "description": "requests of the version after it"},
        "after_failed": {**_COUNTED, "description": "of these, those that the model did not answer"},
        "before_ms": _bins(
            MILLISECONDS, "answered requests before the switch by the milliseconds that their scores took"
        ),
        "after_ms": _bins(MILLISECONDS, "the same after it"),
        "before_labels": {**_LABELS, "description": "answered requests before the switch by a checksum of their label"},
        "after_labels": {**_LABELS, "description": "the same after it"},
    },
    *(
        "id",
        "before",
        "before_failed",
        "after",
        "after_failed",
        "before_ms",
        "after_ms",
        "before_labels",
        "after_labels",
    ),
)
REPORT: Final[JsonObject] = {
    "replica": TEXT,
    "host": TEXT,
    "pid": _INT_OF_A_REPORT,
    "held": {
        **or_null(object_of({"sequence": _INT_OF_A_REPORT, "version": TEXT})),
        "description": "the active version, which answers requests",
    },
    "ready": list_of(TEXT, description="versions that are loaded and warm"),
    "failed": {
        **_OBJECT,
        "additionalProperties": TEXT,
        "description": "the reason for each version that could not be prepared",
    },
    "rehearsal": {**or_null(_REHEARSAL), "description": "the counts of the rehearsal under way"},
    "watch": {**or_null(_WATCH), "description": "the counts of the watch under way"},
    "fetched": list_of(TEXT, description="versions whose verified bytes the replica has"),
}
_STATUS: Final[JsonObject] = {
    name: REPORT[name] for name in ("held", "ready", "failed", "rehearsal", "watch", "fetched")
}
REPORTS: Final[JsonObject] = {
    **{name: REPORT[name] for name in ("replica", "host", "pid")},
    "models": {
        **_OBJECT,
        "additionalProperties": object_of(_STATUS, "held", "rehearsal", "watch", "fetched"),
        "description": "the status of each model, by its name",
    },
}
_COUNTS: Final = object_of(
    {
        "replica": TEXT,
        "counts": list_of(
            object_of(
                {
                    "model": NAME,
                    "version": SHA256,
                    "reference": {**TEXT, "description": "the digest of the reference whose bins these are"},
                    "hour": {**TEXT, "pattern": HOUR, "description": "the hour, in UTC"},
                    "seen": {**_COUNT, "description": "the rows that were answered in this hour"},
                    "rows": {**_COUNT, "description": "the rows that were counted"},
                    "sums": list_of(_COUNT, description="the counts of all bins"),
                    "again": {**_FLAG, "description": "another run of model_server got most of them before"},
                },
                "again",
            )
        ),
        "traffic": {
            **_OBJECT,
            "additionalProperties": object_of(
                {
                    "answered": {**_COUNTED, "description": "responses with another status than these"},
                    "refused": {**_COUNTED, "description": "responses with a status of 4xx"},
                    "failed": {**_COUNTED, "description": "responses with a status of 5xx"},
                    "stale": {**_COUNTED, "description": "of all of them, those that were not confirmed as current"},
                    "seconds": {
                        **list_of(_COUNTED, description="responses by the time until them, in bins"),
                        "maxItems": 64,
                    },
                },
                *("answered", "refused", "failed", "stale", "seconds"),
            ),
            "maxProperties": MOST_MODELS,
            "description": "the totals of the worker since its start, by model",
        },
    },
    "traffic",
)
COUNTS_BODY: Final[JsonObject] = {"required": True, "content": {JSON: {"schema": _COUNTS}}}
