import json, sys
from pathlib import Path
from click.testing import CliRunner
from changeover.cli.main import main
from tests.conftest import wait_until
from tests.kubernetes.watched import Watched
from tests.torture.stack import Stack

class Fake:
    def __init__(self, stack): self.stack = stack
    def address(self, component):
        return "127.0.0.1", (self.stack.instances[0] if component == "predict-api" else self.stack.server).port
    def explain(self): return ""

def test_it(tmp_path):
    stack = Stack(tmp_path, "seaweed")
    try:
        stack.start()
        w = Watched(Fake(stack))
        w.operator.roll_a_new_one()
        stack.instances[0].start()
        with w.clients():
            w.operator.roll_a_new_one()
            w.more_answers()
            with w.act("server restarts", away=True):
                stack.server.end(); stack.server.start("/readyz")
            w.operator.roll_a_new_one()
        w.read_final(replicas=2)
        f = w.write(tmp_path / "history.jsonl")
        r = CliRunner().invoke(main, ["check-history", "--converge-within", "600", str(f)])
        print(r.output, w.tally.requests, w.tally.stale, w.tally.reconnected, w.tally.computed_by)
        assert w.tally.failed == []
        assert w.stale_while_model_server_was_there() == []
        assert r.exit_code == 0
        # red: a door that resets, and stale answers without an explanation
        w.away.clear(); print("stale unexplained:", len(w.stale_while_model_server_was_there()))
        over_failed = len(w.tally.failed)
        w.predict.refuse = True
        try:
            with w.clients(): pass
        except BaseException as e: print("stopped", type(e))
        print("failed with a refusing door:", len(w.tally.failed), w.tally.failed[:1])
        assert w.tally.failed
        w.close()
    finally:
        stack.close()
