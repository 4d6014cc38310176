"""The context of the routes: the parts of a worker that they use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from predict_api.exceptions import UnknownModel
from predict_api.models.discovery_loop import Discovery
from predict_api.models.models import Member, Roster
from predict_api.prediction.large_requests import Turns
from predict_api.settings import PredictSettings


@dataclass(frozen=True)
class Parts:
    """The parts of one worker. `draining` returns whether it is stopping."""

    settings: PredictSettings
    roster: Roster
    discovery: Discovery
    draining: Callable[[], bool]
    metrics_directory: Path
    turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "turns", Turns(self.settings.threads))

    def member(self, model: str) -> Member:
        """The runtime of `model`; raises UnknownModel if neither this process nor model_server has it."""
        member = self.roster.find(model) or self.discovery.ask(model)
        if member is None:
            raise UnknownModel(f"there is no model {model!r} here; GET /models lists what there is")
        return member
