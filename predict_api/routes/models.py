"""`GET /models` and `GET /models/{model}`: what is served here, and what it takes."""

from flask import Blueprint, Response, jsonify

from changeover.manifest import JsonObject
from predict_api.exchange import Basis
from predict_api.predict import basis
from predict_api.roster import Member
from predict_api.routes.parts import Parts
from predict_api.routes.request_log import exchange


def blueprint(parts: Parts) -> Blueprint:
    """The routes that describe."""
    routes = Blueprint("models", __name__)

    @routes.get("/models")
    def models() -> Response:
        listed = [_line(member) for member in parts.roster.members() if member.replica.held is not None]
        return jsonify({"models": listed, "default": parts.settings.default_model})

    @routes.get("/models/<model>")
    def model(model: str) -> Response:
        member = parts.member(model)
        this = exchange()
        this.model = model
        by = this.basis = basis(member)
        manifest = by.held.prepared.manifest
        return jsonify(
            {
                **_line(member, by),
                "size": manifest.size,
                "created_at": manifest.created_at,
                "description": manifest.description,
                "schema": manifest.schema,
                "classes": manifest.classes,
                "estimator": manifest.estimator,
                "metrics": manifest.metrics,
                "environment": manifest.environment,
                "warnings": manifest.warnings,
                "example": _example(manifest.golden),
            }
        )

    return routes


def _line(member: Member, by: Basis | None = None) -> JsonObject:
    held = by.held if by else member.replica.held
    return {
        "model": member.replica.model,
        "version": held.current.version if held else None,
        "sequence": held.current.sequence if held else None,
        "stale": by.stale if by else member.freshness.broken,
    }


def _example(golden: JsonObject | None) -> JsonObject | None:
    """The first golden row as it may be sent, with the answer that it must have."""
    rows, outputs = (golden or {}).get("rows"), (golden or {}).get("outputs")
    if not isinstance(rows, list) or not rows:
        return None
    return {"input": rows[0], "output": outputs[0] if isinstance(outputs, list) and outputs else None}
