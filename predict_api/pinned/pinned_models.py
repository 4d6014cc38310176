"""The one model of pinned mode, with the interface of the models that model_server lists."""

from pathlib import Path

from changeover.estimator.scores import Runtime
from predict_api.models.models import Model
from predict_api.pinned.artifact_file import PinnedFile
from predict_api.pinned.examination import Examination
from predict_api.pinned.pinned_loop import PinnedPreparation
from predict_api.preparation.placement import Preparer, turns_of_a_worker
from predict_api.replica.replica import Replica
from predict_api.scoring.runners import Runners
from predict_api.settings import PredictSettings


class AlwaysCurrent:
    """The freshness of a model of one version: no other one can become current."""

    broken = False

    def confirm(self) -> bool:
        """Whether the active version is current: always."""
        return True

    def confirmed_at(self) -> float:
        """The time of the last check: there is none."""
        return float("-inf")


class PinnedModels:
    """The model whose artifact is pinned."""

    def __init__(self, settings: PredictSettings, file: PinnedFile, directory: Path, runners: Runners) -> None:
        """`directory` is private to this instance, and its workers share it."""
        self.runners = runners
        self._settings = settings
        self._examination = Examination(settings, directory)
        replica = Replica(settings.default_model, None, _nobody_to_tell)
        preparer = Preparer(
            runners,
            self._examination.twin,
            Runtime(settings.runtime),
            turns_of_a_worker(settings.workers),
            keeps=True,
        )
        self._preparation = PinnedPreparation(replica, file, self._examination, preparer)
        self._model = Model(replica, AlwaysCurrent(), self._preparation)

    def start(self) -> None:
        """Start the preparation, and return immediately, so that probes are answered from the start.

        A worker that replaces another one waits, START_TIMEOUT at most: it would take its share of the requests.
        """
        again = self._examination.done
        self.runners.begin()
        self._preparation.start()
        if again:
            self._model.replica.settled.wait(self._settings.start_timeout)

    def stop(self) -> None:
        """Stop the threads."""
        self._preparation.stop()
        self.runners.stop()

    def find(self, name: str) -> Model | None:
        """The model of this name, or None."""
        return self._model if name == self._model.replica.model else None

    def ask(self, _name: str) -> Model | None:
        """None: there is no model_server that could have another model."""
        return None

    def all(self) -> list[Model]:
        """The one model; none before all workers answer, so that a probe speaks for each of them."""
        return [self._model] if self._examination.all_ready() else []


def _nobody_to_tell() -> None:
    """No status report: there is no model_server."""
