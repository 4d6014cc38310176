"""`GET /models` and `GET /models/{model}`: the models served here, and the schema of one."""

from flask import Blueprint, Response, jsonify

from changeover.json_types import JsonObject
from predict_api.models.models import Member
from predict_api.openapi.columns import made_up_row
from predict_api.openapi.public_schema import columns_of, public_schema
from predict_api.prediction.exchange import Basis
from predict_api.prediction.pipeline import basis
from predict_api.routes.context import Parts
from predict_api.routes.request_log import exchange


def blueprint(parts: Parts) -> Blueprint:
    """The routes of the models."""
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
        schema = public_schema(manifest.schema)
        return jsonify(
            {
                **_line(member, by),
                "size": manifest.size,
                "created_at": manifest.created_at,
                "description": manifest.description,
                "schema": schema,
                "classes": manifest.classes,
                "estimator": manifest.estimator,
                "metrics": manifest.metrics,
                "environment": manifest.environment,
                "warnings": manifest.warnings,
                "example": {"input": made_up_row(columns_of(schema))},
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
