"""Receipts: signed statements about answers, for callers that ask for them.

The key is that of this instance of predict_api, and not of the registry. `docs/sealed.md` describes them.
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from changeover.estimator.scores import Scores
from changeover.process.clock import utc_now
from changeover.process.log_events import event
from changeover.sealed.receipt import answer_sha256, inputs_sha256
from changeover.sealed.statement import PAYLOAD_TYPE, ReceiptFacts, payload
from predict_api.prediction.request_context import RequestContext
from predict_api.scoring.interfaces import RequestRows

if TYPE_CHECKING:
    from changeover.sealed.keys import SigningKey


class Receipts:
    """The receipts of one replica."""

    def __init__(self, key: "SigningKey", replica: str) -> None:
        self._key, self._replica = key, replica

    def header(self, context: RequestContext, rows: RequestRows, scores: Scores) -> str:
        """The receipt for an answer of the active version in `context`, as JSON in base64."""
        active = context.active
        if active is None:
            raise RuntimeError("no version has answered")
        names = [column.name for column in active.prepared.reader.schema.columns]
        answer = answer_sha256(scores)
        facts = ReceiptFacts(
            model=active.model,
            version=active.current.version,
            sequence=active.current.sequence,
            answered_at=utc_now(),
            replica=self._replica,
            request=context.request_id,
            runtime=scores.runtime.value,
            rows=rows.rows,
            inputs=inputs_sha256(names, rows.columns),
            answer=answer,
            stale=context.stale,
        )
        envelope = self._key.sign(PAYLOAD_TYPE, payload(answer, facts))
        return base64.b64encode(envelope.encode()).decode("ascii")


def receipts_of(path: Path | None, replica: str) -> Receipts | None:
    """The receipts by the key of RECEIPT_KEY_FILE, which is made if it is missing; None without that setting.

    Raises InvalidKeyFile.
    """
    if path is None:
        return None
    from changeover.sealed.keys import SigningKey

    key, made = SigningKey.kept(path)
    if made:
        event("receipt_key.made", file=str(path), key_id=key.id, public_key=key.public.text)
    return Receipts(key, replica)
