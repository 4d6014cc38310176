"""The audit of the ledgers: which models it looks at, as their number grows."""

from model_server.background.audit_loop import EVERY_S, MOST_LOOKS, Audit
from model_server.ledger.ledger import Ledger
from model_server.ledger.record import Rollout
from model_server.problems import Problems
from model_server.rollouts.model_state import Models

MANY = 4 * MOST_LOOKS + 1


class Looks(Ledger):
    """A ledger that notes the models that were looked at."""

    def __init__(self) -> None:
        self.models: list[str] = []
        self.entry_of_another = ""  # the model that has an entry of another process

    def newer(self, model: str, sequence: int) -> Rollout | None:
        self.models.append(model)
        if model != self.entry_of_another or sequence:
            return None
        return Rollout(id="1", model=model, sequence=1, version="a" * 64, rolled_at="2026-01-31T12:00:00Z")

    def follow(self, entry: Rollout) -> None:
        """Its hint is written."""

    def has_lost(self, entry: Rollout) -> bool:
        return False

    def look(self, model: str) -> int:
        return 0

    def stray(self, model: str) -> str | None:
        return None


def audit_of(models: int) -> tuple[Audit, Looks]:
    states, ledger = Models(), Looks()
    for number in range(models):
        states.get(f"model-{number:02d}")
    return Audit(states, ledger, Problems()), ledger


def looked_at(audit: Audit, ledger: Looks, time: float) -> list[str]:
    ledger.models.clear()
    audit.run_once(time)
    return list(ledger.models)


def test_a_few_models_are_looked_at_in_every_audit() -> None:
    audit, ledger = audit_of(MOST_LOOKS)
    assert len(looked_at(audit, ledger, 0.0)) == len(looked_at(audit, ledger, EVERY_S)) == MOST_LOOKS


def test_many_models_take_turns_and_each_gets_one() -> None:
    audit, ledger = audit_of(MANY)
    audits = [looked_at(audit, ledger, number * EVERY_S) for number in range(5)]
    assert {len(models) for models in audits} == {MOST_LOOKS}
    assert len({model for models in audits for model in models}) == MANY


def test_all_models_are_looked_at_while_another_process_is_known_to_write_entries() -> None:
    audit, ledger = audit_of(MANY)
    assert len(looked_at(audit, ledger, 0.0)) == MOST_LOOKS
    ledger.entry_of_another = "model-05"
    assert len(looked_at(audit, ledger, EVERY_S)) == MOST_LOOKS
    assert len(looked_at(audit, ledger, 2 * EVERY_S)) == MANY
