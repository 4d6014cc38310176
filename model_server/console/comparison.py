"""The comparison of two versions, and the preview of a roll: schema, metrics, environment, gate, golden rows."""

from changeover.manifest import gate
from changeover.manifest.compatibility import compare
from changeover.manifest.diff import GoldenDiff, diff
from changeover.manifest.manifest import Manifest
from model_server.console.behaviour import golden_rows
from model_server.console.parts import Page, Parts, sequence_of
from model_server.rollouts.model_state import ModelState


def comparison(a: Manifest, b: Manifest) -> Page:
    """The data of the page; A is the base, B the candidate."""
    body = diff(a, b, GoldenDiff()).to_json()
    return {**body, "golden": golden_rows(a, b, most=50)}


def preview(parts: Parts, state: ModelState, candidate: Manifest, *, rollback: bool = False) -> Page:
    """What a roll to `candidate` will do: the form shows it before its button.

    `needs` lists the checks that the roll fails, which are to be skipped by name; a rollback skips them all.
    """
    current = state.current
    before = parts.manifest(state.name, current.version if current else None)
    schema = compare(before, candidate) if before else None
    judged = gate.judge(parts.promotion.conditions, candidate, before, current.version if current else None)
    breaks = schema is not None and not schema.compatible and not parts.promotion.allow_schema_change
    fails = not all(each.passed for each in judged)
    checks = {"allow_schema_change": breaks, "skip_gate": fails}
    needs = [] if rollback else [name for name, needed in checks.items() if needed]
    return {
        "model": state.name,
        "version": candidate.version,
        "current": current.version if current else None,
        "expected_sequence": sequence_of(state),
        "is_current": current is not None and current.version == candidate.version,
        "pinned": parts.pins.get(state.name),
        "rollback": rollback,
        "under_way": state.rollout is not None,
        "schema": None if schema is None else schema.to_json(),
        "gate": [{"says": each.says, "passed": each.passed} for each in judged],
        "metrics": [
            {"name": name, "before": before.metrics.get(name) if before else None, "after": candidate.metrics.get(name)}
            for name in dict.fromkeys([*candidate.metrics, *(before.metrics if before else {})])
        ],
        "golden": golden_rows(before, candidate),
        "rehearse": {"seconds": parts.promotion.rehearse, "line": gate.disagreement(parts.promotion.conditions)},
        "needs": needs,
    }
