"""The models that use each environment: those whose current or previous version, or running rollout, names it."""

from typing import Protocol

from changeover.environments.environment import DEFAULT
from changeover.json_documents import object_in, objects_in
from changeover.json_types import JsonObject


class Models(Protocol):
    """The calls of `changeover.Client` that are needed here."""

    def models(self) -> JsonObject:
        """`{"models": [{"model": name, ...}, ...]}`."""

    def model(self, model: str) -> JsonObject:
        """One model with its `current` and `previous` version and its `rollout`."""

    def manifest(self, version: str, model: str) -> JsonObject:
        """The manifest of a version, with `runner_environment`."""


def models_by_environment(models: Models) -> dict[str, list[str]]:
    """Environment name -> names of the models that use it, sorted. Raises what the calls raise."""
    used: dict[str, set[str]] = {}
    for listed in objects_in(models.models().get("models")):
        name = str(listed.get("model"))
        body = models.model(name)
        versions = {object_in(body.get(member)).get("version") for member in ("current", "rollout")}
        for version in {*versions, body.get("previous")} - {None}:
            environment = str(models.manifest(str(version), name).get("runner_environment") or DEFAULT)
            used.setdefault(environment, set()).add(name)
    return {environment: sorted(names) for environment, names in sorted(used.items())}
