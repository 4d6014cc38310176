"""The scoring of a Spark DataFrame by one version; users import it as `changeover.spark`.

The driver resolves the version to its hash and reads its manifest. The hash goes to the workers, never a file or a name
that may mean another version tomorrow. Each node downloads the bytes once, and each Python worker checks them.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import types

from bulk_score.address import StoreAddress, VersionAddress
from bulk_score.answers import answer_fields
from bulk_score.exceptions import CacheNotPrivate, ColumnsDiffer, RowsDepend
from bulk_score.scorer import scorer
from bulk_score.versions import NOW, manifest_of, resolve
from changeover import stack
from changeover.exceptions import RequestFaults, RowsNotAnswered
from changeover.manifest.manifest import Manifest
from changeover.schema.schema import Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType, StructType

Batches = Iterable[pa.RecordBatch]
_LISTED: Final = 20  # columns in a message


def score(
    df: "DataFrame",
    model: str | None = None,
    *,
    at: str = NOW,
    keep: Sequence[str] | None = None,
    server_url: str | None = None,
    token: str | None = None,
    store: StoreAddress | None = None,
    cache_dir: str | None = None,
) -> "DataFrame":
    """The rows of `df` with the answers of one version of `model` (the default one if None).

    The columns are those of `keep` (all of `df` if None), then `prediction`, `predict_proba` (an array, null where the
    model has no probabilities) and `model_version`, the whole hash. The columns of the model's schema must be there by
    name, in any order; others are sent to no model.

    `at` is `now`, a sequence number of the ledger, or a hash. It is resolved once, here: a roll, a retry or an action
    next week changes nothing. `server_url` and `token` are found as by `changeover.Client`; executors call the same
    address, and get the token. With `store`, they read the bucket instead. `cache_dir` is the folder of verified copies
    on each node; without it, one in the node's temporary folder that only its user may write.

    Raises StackNotFound, ServiceRefused, ServiceUnreachable, UnknownVersion, ColumnsDiffer, or RowsDepend. Wrong bytes,
    and rows that the schema or the model refuses, fail the Spark job, with the hash or the row in the message.
    """
    found = stack.find(None, server_url)
    token = found.token if token is None else token
    name, version = resolve(server_url=found.server_url, token=token, model=model, at=at, authorities=found.tls_ca)
    source = VersionAddress(
        model=name,
        version=version,
        cache_dir=cache_dir or "",
        server_url=found.server_url,
        token=token,
        authorities=found.tls_ca,
    )
    manifest = manifest_of(at_node(source))
    if not manifest.row_independent:
        raise RowsDepend(
            f"an answer of {name} {version[:12]} depends on the other rows of a call, and Spark cuts rows into batches as "
            "it likes: send rows that belong together to /predict"
        )
    kept = list(df.columns) if keep is None else list(keep)
    wanted = _columns_to_send(df.columns, kept, manifest)
    executors = source if store is None else replace(source, server_url="", token="", store=store)
    result = _schema_of_result(df.select(*map(_quoted, kept)).schema, manifest)
    return df.select(*map(_quoted, wanted)).mapInArrow(_task(executors, tuple(kept)), result)


def at_node(address: VersionAddress) -> VersionAddress:
    """The address with this node's folder of copies, if it names none.

    Raises CacheNotPrivate if others own the folder or may write into it: manifests are read from there.
    """
    if address.cache_dir:
        return address
    folder = Path(tempfile.gettempdir()) / f"changeover-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise CacheNotPrivate(f"{folder} belongs to another user, or others may write there: give cache_dir")
    return replace(address, cache_dir=str(folder))


def _task(address: VersionAddress, keep: tuple[str, ...]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    """The function that each Spark task calls; the scorer outlives it in its module, until the Python worker ends."""

    def answers(batches: Batches) -> Iterator[pa.RecordBatch]:
        batch_scorer = None
        for number, batch in enumerate(batches):
            batch_scorer = batch_scorer or scorer(at_node(address), keep)
            try:
                yield batch_scorer(batch)
            except (RequestFaults, RowsNotAnswered) as error:
                error.add_note(f"rows are counted from 0 in batch {number} of this task")
                raise

    return answers


def _columns_to_send(there: Sequence[str], keep: Sequence[str], manifest: Manifest) -> list[str]:
    """The columns of the schema and those to keep, each once, in the order in which they are there."""
    schema = Schema.from_json(manifest.schema)
    twice = sorted({name for name in there if there.count(name) > 1})
    wanted = [*(column.name for column in schema.columns), *keep]
    absent = [name for name in dict.fromkeys(wanted) if name not in there]
    taken = [field.name for field in answer_fields(manifest) if field.name in keep]
    if absent:
        raise ColumnsDiffer(f"the DataFrame has no column {_listed(absent)}; it has {_listed(there)}")
    if twice:
        raise ColumnsDiffer(f"the DataFrame has the column {_listed(twice)} twice: rename one of them")
    if taken:
        raise ColumnsDiffer(f"the column {_listed(taken)} would be there twice: rename it, or leave it out by `keep`")
    return [name for name in there if name in set(wanted)]


def _listed(names: Sequence[str]) -> str:
    more = "" if len(names) <= _LISTED else f" and {len(names) - _LISTED} more"
    return ", ".join(map(repr, names[:_LISTED])) + more


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _schema_of_result(kept: "StructType", manifest: Manifest) -> "StructType":
    """The Spark schema of the result: the kept columns, and the answers."""
    from pyspark.sql.types import StructField, StructType

    answers = [StructField(field.name, _spark_type(field.type)) for field in answer_fields(manifest)]
    return StructType([*kept.fields, *answers])


def _spark_type(kind: pa.DataType) -> "DataType":
    from pyspark.sql.types import ArrayType, BooleanType, DoubleType, LongType, StringType

    if types.is_list(kind):
        return ArrayType(_spark_type(kind.value_type))
    plain: dict[str, Any] = {"string": StringType, "bool": BooleanType, "int64": LongType, "double": DoubleType}
    return plain[str(kind)]()
