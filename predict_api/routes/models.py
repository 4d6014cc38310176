"""`GET /models` and `GET /models/{model}`: the models served here, and the schema of one."""

from flask import Blueprint, Response, jsonify

from changeover.json_types import JsonObject
from predict_api.openapi.columns import sample_row
from predict_api.openapi.public_schema import columns_of, public_schema
from predict_api.replica.active import ActiveVersion
from predict_api.routes.context import WorkerContext
from predict_api.routes.request_log import request_context


def blueprint(worker: WorkerContext) -> Blueprint:
    """The routes of the models."""
    routes = Blueprint("models", __name__)

    @routes.get("/models")
    def models() -> Response:
        listed = [
            _entry(active, stale=model.freshness.broken)
            for model in worker.listed_models()
            if (active := model.replica.active) is not None
        ]
        return jsonify({"models": listed, "default": worker.settings.default_model})

    @routes.get("/models/<model>")
    def named_model(model: str) -> Response:
        served, context = worker.model(model), request_context()
        context.model = model
        context.active, context.stale = served.active_version()
        manifest = context.active.prepared.manifest
        schema = public_schema(manifest.schema)
        return jsonify(
            {
                **_entry(context.active, stale=context.stale),
                "size": manifest.size,
                "created_at": manifest.created_at,
                "description": manifest.description,
                "schema": schema,
                "classes": manifest.classes,
                "outputs": manifest.outputs,
                "row_independent": manifest.row_independent,
                "estimator": manifest.estimator,
                "metrics": manifest.metrics,
                "environment": manifest.environment,
                "warnings": manifest.warnings,
                "example": {"input": sample_row(columns_of(schema))},
            }
        )

    return routes


def _entry(active: ActiveVersion, *, stale: bool) -> JsonObject:
    return {
        "model": active.model,
        "version": active.current.version,
        "sequence": active.current.sequence,
        "stale": stale,
    }
