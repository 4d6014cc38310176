"""Unreadable records in the bucket: lists skip them, and `/readyz` and the log name them."""

import json

from changeover.protocol.wire import RolloutState
from object_store import keys
from object_store.bucket import Bucket
from tests.processes.model_server import ModelServer
from tests.tiny_models import tiny

BODIES = [b"x" * 100_000, b"[" * 60_000, b"no json", b"[]", b"{}", b'{"sequence": {}, "size": "many"}']
AT = "2026-01-31T12:00:00.000000Z"


def test_one_record_that_cannot_be_read_hides_no_other(server: ModelServer, seaweed_bucket: Bucket) -> None:
    version = str(server.publish(tiny(1)[0]).json()["version"])
    assert server.publish(b"no model").status_code == 422
    assert server.roll(version).json()["state"] == RolloutState.COMMITTED
    other = str(server.publish(tiny(2)[0]).json()["version"])
    for next_version in (other, version):
        assert server.roll(next_version).json()["state"] == RolloutState.COMMITTED
    before = [server.get(f"/models/loan/{path}").json() for path in ("rollouts", "versions")]
    written: set[str] = set()
    for number, body in enumerate(BODIES):
        digest = f"{number}" * 64
        for key in (
            keys.aborted_key("loan", f"2026-0{number}"),
            keys.reason_key("loan", f"{number}.joblib"),
            keys.upload_mark_key("loan", AT, digest),
            keys.manifest_key("loan", digest),
        ):
            seaweed_bucket.write(key, body)
            written.add(key)
    reason_without_members = keys.reason_key("loan", "4.joblib")  # without information, but valid
    seaweed_bucket.delete(reason_without_members)
    middle = keys.rollout_key("loan", 2)
    seaweed_bucket.write(middle, b"x" * 100_000)
    server.end()
    server.start()
    after = [server.get(f"/models/loan/{path}").json() for path in ("rollouts", "versions")]
    assert after[0]["rollouts"] == [entry for entry in before[0]["rollouts"] if entry["sequence"] != 2]
    assert middle in json.dumps(server.get("/readyz").json()["problems"])
    assert [entry["version"] for entry in after[1]["versions"]] == [entry["version"] for entry in before[1]["versions"]]
    problems = json.dumps(server.get("/readyz").json()["problems"])
    for folder in ("aborted", "rejected", "uploads", "versions"):
        assert f"records in {folder}/loan/" in problems
    unread = {
        key for key in written - {reason_without_members} if f'"key":"{key}"' in server.log.replace('": "', '":"')
    }
    assert unread == written - {reason_without_members}
    for key in written:
        seaweed_bucket.delete(key)
    for path in ("rollouts", "versions"):
        assert server.get(f"/models/loan/{path}").status_code == 200
    assert "records in versions" not in json.dumps(server.get("/readyz").json()["problems"])
