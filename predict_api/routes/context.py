"""The worker context: the parts of a worker process that the routes use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from predict_api.edge.callers import CALLER
from predict_api.exceptions import UnknownModel
from predict_api.models.discovery_loop import Discovery
from predict_api.models.models import Model, Models
from predict_api.prediction.large_requests import LargeRequestLimit
from predict_api.settings import PredictSettings


@dataclass(frozen=True)
class WorkerContext:
    """The parts of one worker. `draining` returns whether it is stopping."""

    settings: PredictSettings
    models: Models
    discovery: Discovery
    draining: Callable[[], bool]
    metrics_directory: Path
    limit: LargeRequestLimit

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
