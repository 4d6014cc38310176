"""The worker context: the parts of a worker process that the routes use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from predict_api.edge.callers import CALLER
from predict_api.exceptions import UnknownModel
from predict_api.models.models import Model
from predict_api.prediction.receipts import Receipts
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings


class Models(Protocol):
    """The models of this worker."""

    @property
    def runners(self) -> Runners:
        """The processes that run them."""

    def find(self, name: str) -> Model | None:
        """The model of this name, or None if this worker does not have it."""

    def all(self) -> list[Model]:
        """All models, in the order of their names."""


class Discovery(Protocol):
    """The search for models that this worker does not have yet."""

    def ask(self, model: str) -> Model | None:
        """The model that a request names, or None if there is none."""


@dataclass(frozen=True)
class WorkerContext:
    """The parts of one worker. `draining` returns whether it is stopping. `receipts` is None if it signs none."""

    settings: PredictSettings
    models: Models
    discovery: Discovery
    draining: Callable[[], bool]
    metrics_directory: Path
    receipts: Receipts | None = None

    def model(self, name: str) -> Model:
        """The model `name` for the caller of this request.

        Raises ModelNotAllowed if its API key is not for the model, UnknownModel if neither this process nor model_server
        has it.
        """
        caller = CALLER.get()
        if caller is not None:
            caller.check(name)
        model = self.models.find(name) or self.discovery.ask(name)
        if model is None:
            raise UnknownModel(f"there is no model {name!r} here; GET /models lists what there is")
        return model

    def listed_models(self) -> list[Model]:
        """The models that the caller of this request may use, in the order of their names."""
        caller = CALLER.get()
        return [model for model in self.models.all() if caller is None or caller.may_use(model.replica.model)]
