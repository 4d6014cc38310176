"""`GET /models` and `GET /models/{model}`: what is served here, and what it takes."""

from flask import Blueprint, Response, g, jsonify

from changeover.manifest import JsonObject
from predict_api.exceptions import NoModel
from predict_api.predict import Basis
from predict_api.roster import Member
from predict_api.routes.parts import Parts


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
        g.model = model
        held = member.replica.held
        if held is None:
            raise NoModel(f"no version of model {model!r} is loaded yet; try again in a second")
        g.basis = Basis(held, stale=member.freshness.broken)
        manifest = held.prepared.manifest
        return jsonify(
            {
                **_line(member),
                "size": manifest.size,
                "created_at": manifest.created_at,
                "description": manifest.description,
                "schema": manifest.schema,
                "classes": manifest.classes,
                "estimator": manifest.estimator,
                "metrics": manifest.metrics,
                "environment": manifest.environment,
                "warnings": manifest.warnings,
            }
        )

    return routes


def _line(member: Member) -> JsonObject:
    held = member.replica.held
    return {
        "model": member.replica.model,
        "version": held.current.version if held else None,
        "sequence": held.current.sequence if held else None,
        "stale": member.freshness.broken,
    }
