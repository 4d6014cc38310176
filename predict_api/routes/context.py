"""The worker context: the parts of a worker process that the routes use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from predict_api.exceptions import UnknownModel
from predict_api.models.discovery_loop import Discovery
from predict_api.models.models import Model, Models
from predict_api.settings import PredictSettings


@dataclass(frozen=True)
class WorkerContext:
    """The parts of one worker. `draining` returns whether it is stopping."""

    settings: PredictSettings
    models: Models
    discovery: Discovery
    draining: Callable[[], bool]
    metrics_directory: Path

    def model(self, name: str) -> Model:
        """The model `name`; raises UnknownModel if neither this process nor model_server has it."""
        model = self.models.find(name) or self.discovery.ask(name)
        if model is None:
            raise UnknownModel(f"there is no model {name!r} here; GET /models lists what there is")
        return model
