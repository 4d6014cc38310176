"""The sentence of a refused artifact: the reason, the scikit-learn that it was made with, and the next step."""

from typing import Final

from changeover.artifact import bundle, next_step
from changeover.artifact.environment import environment
from changeover.artifact.next_step import Origin
from changeover.artifact.survey import Survey, survey
from changeover.exceptions import ForbiddenGlobal, GoldenMismatch, UnreadableArtifact, UnsafeState

_NEXT: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnsafeState, "fit it again with scikit-learn's own classes, and publish what fit returned"),
    (GoldenMismatch, "record the golden rows again with this model: `changeover.publish(model, example=frame)`"),
    (UnreadableArtifact, "dump the model again with joblib.dump, and publish that file"),
)
_HAS_A_NEXT_STEP: Final = ("`", "upload it again", "publish ", "dump ", "fit ", "make it ")


def explain(error: Exception, buffer: bytes, max_bytes: int) -> str:
    """The reason to refuse the artifact in `buffer`, whose examination ended with `error`."""
    try:
        surveyed = survey(buffer, max_bytes)
    except UnreadableArtifact:
        surveyed = Survey()
    return explain_surveyed(error, surveyed)


def of_a_bundle(surveyed: Survey) -> str:
    """The reason to refuse an artifact whose outermost object is no model, but may hold one; empty for any other."""
    if surveyed.incomplete or any(next_step.origin_of(name) is Origin.HOSTILE for name in surveyed.globals):
        return ""
    return "" if bundle.refusal(surveyed.top) is None else explain_surveyed(UnreadableArtifact("no model"), surveyed)


def explain_surveyed(error: Exception, surveyed: Survey) -> str:
    """The same for an artifact that was surveyed before."""
    reason = _reason(error, surveyed)
    unnamed = [version for version in surveyed.sklearn if version not in reason]
    return f"{reason.removesuffix('.')} (it was made with scikit-learn {', '.join(unnamed)})" if unnamed else reason


def _reason(error: Exception, surveyed: Survey) -> str:
    forbidden = error.name if isinstance(error, ForbiddenGlobal) else ""
    hostile = next_step.origin_of(forbidden) is Origin.HOSTILE
    version = surveyed.sklearn[-1] if surveyed.sklearn else ""
    if not hostile and not surveyed.incomplete:
        no_model = bundle.refusal(surveyed.top)
        if no_model is not None:
            return no_model
    if forbidden.replace(".", "").replace("_", "").isalnum():
        return str(ForbiddenGlobal(forbidden, next_step.of(forbidden, surveyed.globals, version)))
    reason = str(error)
    if isinstance(error, UnreadableArtifact) and _is_of_another_minor(version):
        return (
            f"{reason}; an environment of its time reads it: `{next_step.add_environment(surveyed.globals, version)}`"
        )
    if any(hint in reason for hint in _HAS_A_NEXT_STEP):
        return reason
    advice = next((step for kind, step in _NEXT if isinstance(error, kind)), "")
    return f"{reason}; {advice}" if advice else reason


def _is_of_another_minor(version: str) -> bool:
    here = environment().get("scikit-learn", "")
    return bool(version and here) and version.split(".")[:2] != here.split(".")[:2]
