"""The uses of versions: what keeps a version from a removal, whatever its age."""

from collections.abc import Mapping

from model_server.retention.holds import Holds
from model_server.rollouts.model_state import ModelState
from object_store import keys
from object_store.bucket import Bucket


class Uses:
    """The uses of the versions of all models; `pins` maps each pinned model to its version."""

    def __init__(self, bucket: Bucket, holds: Holds, pins: Mapping[str, str]) -> None:
        self.holds = holds
        self._bucket = bucket
        self._pins = pins

    def now(self, state: ModelState, version: str) -> str:
        """The use of a version by rollouts, replicas and holds, in a word or two; empty for none.

        Call it with the condition of `state`: then no rollout begins meanwhile. A rehearsal, and the watch after a
        switch, are of the rollout's version, and the previous one is what they lead back to.
        """
        entry, rollout, pointer = state.entry, state.rollout, state.leased_pointer.pointer
        named: dict[str, list[str | None]] = {
            "current": [entry.version if entry else None, pointer.current.version if pointer.current else None],
            "previous": [entry.previous if entry else None],
            "pinned": [self._pins.get(state.name)],
            "a rollout is under way": [rollout.version, rollout.previous] if rollout else [],
            "being prepared": [pointer.next_version],
            "of another process": [state.overtaken.version] if state.overtaken else [],
        }
        for use, versions in named.items():
            if version in versions:
                return use
        for seen in state.fleet.replicas.values():
            held = seen.report.held
            if version in seen.report.ready or (held is not None and held.version == version):
                return "on a replica"
        hold = self.holds.of(state.name, version)
        return f"held by {hold.name[:64]} until {hold.until[:19]}Z" if hold is not None else ""

    def recorded(self, model: str) -> dict[str, str]:
        """The uses that are recorded in the bucket: version -> use. Raises StoreError.

        This is the place for every further kind of record that needs the bytes of versions for a time: receipts of
        answers, once there are any, are asked for here, with the versions that they name.
        """
        self.holds.read(model)
        return {**self._waiting(model), **self.holds.versions(model)}

    def _waiting(self, model: str) -> dict[str, str]:
        """The newest admitted upload of the drop zone, which the next start may roll."""
        marks = [keys.parse_upload_mark(item.key) for item in self._bucket.list(keys.uploads_prefix(model))]
        newest = max((mark.uploaded_at for mark in marks if mark is not None), default="")
        return {mark.version: "the newest upload" for mark in marks if mark is not None and mark.uploaded_at == newest}
