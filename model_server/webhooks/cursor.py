"""The cursor of one address in the bucket: the events that it has taken. It is written after each delivery.

Without a cursor, an address gets the events from now on; with one, every event since the cursor began.
"""

from typing import Final

import msgspec
from msgspec import Struct

from changeover.json_documents import read_document
from model_server.exceptions import RecordUnreadable
from model_server.records import read_object
from model_server.webhooks.addresses import Address
from model_server.webhooks.deliveries import Deliveries
from object_store import keys
from object_store.bucket import Bucket
from object_store.exceptions import ObjectMissing

_LARGEST: Final = 64 * 1024 * 1024  # bytes: 40 an event


class _Cursor(Struct, frozen=True):
    """The record: events from `since` on count, and those with the ids `delivered` were taken."""

    since: str
    delivered: list[str]


def read(bucket: Bucket, address: Address, began_at: str) -> Deliveries:
    """The deliveries to an address, which begin at `began_at` if it is new; raises RecordUnreadable or StoreError."""
    key = keys.delivered_key(address.key)
    try:
        cursor = read_document(read_object(bucket, key, _LARGEST), _Cursor, key, RecordUnreadable)
    except ObjectMissing:
        deliveries = Deliveries(began_at, ())
        write(bucket, address, deliveries)
        return deliveries
    return Deliveries(cursor.since, cursor.delivered)


def write(bucket: Bucket, address: Address, deliveries: Deliveries) -> None:
    """Write what the address has taken; raises StoreError."""
    body = msgspec.json.encode(_Cursor(deliveries.since, sorted(deliveries.delivered)))
    bucket.write(keys.delivered_key(address.key), body, "application/json")
