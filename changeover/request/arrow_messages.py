"""The messages of an Arrow stream before they are read: how many rows they have, and what their buffers unpack to.

pyarrow verifies the head of each message, a flatbuffer (`Message.fbs` and `Schema.fbs` of the Arrow format). It bounds
neither rows nor what a compressed buffer unpacks to, so these heads are read here first.
"""

from typing import Any, Final, NamedTuple

import pyarrow as pa
from flatbuffers import number_types as flags
from flatbuffers.table import Table

from changeover.exceptions import NotArrow, TooManyRows, UnpacksTooFar

_MOST_BATCHES: Final = 1000  # each costs some microseconds for each column
_PREFIX: Final = 8  # bytes before a compressed buffer: its size unpacked, little endian
_NOT_COMPRESSED: Final = -1  # in place of that size
# the offsets of members in the tables Message, DictionaryBatch and RecordBatch: 4 + 2 * their index
_HEADER: Final = 8
_DATA, _IS_DELTA = 6, 8
_ROWS, _BUFFERS, _COMPRESSION = 4, 8, 10
_BUFFER_BYTES: Final = 16  # of an entry: offset and length, both int64


class _Unpacked(NamedTuple):
    rows: int
    size: int


def check_messages(body: pa.Buffer, max_rows: int, max_bytes: int) -> None:
    """Raise unless the stream has `max_rows` rows at most, and its buffers `max_bytes`.

    Raises TooManyRows, UnpacksTooFar, NotArrow for what is not taken, and the errors of pyarrow for what is broken.
    """
    reader = pa.ipc.MessageReader.open_stream(body)
    rows = size = batches = 0
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            break
        if message.metadata_version != pa.ipc.MetadataVersion.V5:  # older ones compress in other ways
            raise NotArrow("the stream is of a release of Arrow before 1.0: write it with a newer one")
        if message.type == "schema":
            continue
        content = message.body
        if message.type == "dictionary":
            found = _dictionary(message.metadata, content)
        elif message.type == "record batch":
            found = _batch(_header(message.metadata), content)
            rows, batches = rows + found.rows, batches + 1
        else:
            raise NotArrow(f"the stream has a message of the type {message.type}, which is no batch of rows")
        size += found.size
        if size > max_bytes:
            raise UnpacksTooFar(max_bytes)
        if batches > _MOST_BATCHES:
            raise NotArrow(f"the stream has more than {_MOST_BATCHES} record batches: write fewer, larger ones")
    if rows > max_rows:
        raise TooManyRows(rows, max_rows)


def _header(metadata: pa.Buffer) -> Table:
    """The head of the batch in a message."""
    data = metadata.to_pybytes()
    message = Table(data, int.from_bytes(data[:4], "little"))
    return _member(message, _HEADER)


def _member(table: Table, number: int) -> Table:
    """The table that is a member of `table`; raises NotArrow without one."""
    offset = table.Offset(number)
    if not offset:
        raise NotArrow("the stream has a message without its head")
    return Table(table.Bytes, table.Indirect(table.Pos + offset))


def _dictionary(metadata: pa.Buffer, content: pa.Buffer | None) -> _Unpacked:
    header = _header(metadata)
    if _scalar(header, _IS_DELTA, flags.BoolFlags):
        raise NotArrow("the stream has a delta of a dictionary: write each dictionary as a whole")
    return _batch(_member(header, _DATA), content)


def _batch(header: Table, content: pa.Buffer | None) -> _Unpacked:
    """The rows of a batch, and the size of its buffers, unpacked."""
    rows = _scalar(header, _ROWS, flags.Int64Flags)
    if rows < 0:
        raise NotArrow("the stream has a batch with fewer than no rows")
    if content is None or not header.Offset(_COMPRESSION):
        return _Unpacked(rows, content.size if content is not None else 0)
    offset, size = header.Offset(_BUFFERS), 0
    if offset:
        view = memoryview(content)
        first = header.Vector(offset)
        for index in range(header.VectorLen(offset)):
            position = first + index * _BUFFER_BYTES
            size += _unpacked_size(
                view, header.Get(flags.Int64Flags, position), header.Get(flags.Int64Flags, position + 8)
            )
    return _Unpacked(rows, size)


def _unpacked_size(content: memoryview, start: int, length: int) -> int:
    """The size of one compressed buffer, unpacked."""
    if not length:
        return 0
    if start < 0 or length < _PREFIX or start + length > len(content):
        raise NotArrow("the stream has a buffer outside its message")
    size = int.from_bytes(content[start : start + _PREFIX], "little", signed=True)
    if size == _NOT_COMPRESSED:
        return length - _PREFIX
    if size < 0:
        raise NotArrow("the stream has a compressed buffer of a negative size")
    return size


def _scalar(table: Table, number: int, kind: Any) -> int:
    """A number that is a member of `table`; 0 without one."""
    offset = table.Offset(number)
    return int(table.Get(kind, table.Pos + offset)) if offset else 0
