"""The exceptions of bulk scoring: one class a cause. Each message names the thing and the next step."""

from changeover.exceptions import ChangeoverError


class BulkError(ChangeoverError):
    """The base of every error of bulk scoring."""


class NoSource(BulkError):
    """An address of a version that names neither model_server nor a bucket."""


class OtherAnswer(BulkError):
    """An answer of the model that is not of the type that its manifest leads to."""


class NothingThere(BulkError):
    """An input without files of a table, or one that does not exist."""


class NotATable(BulkError):
    """A file that cannot be read as the table that its name says."""


class WrongPlace(BulkError):
    """An address of an input or an output that cannot be used."""


class OtherRun(BulkError):
    """An output folder with the results of another run."""


class InputChanged(BulkError):
    """A file that was changed after the run began."""


class RowsAtFault(BulkError):
    """Rows of a file that do not fit the schema, or that the model does not answer."""


class WorkerEnded(BulkError):
    """A process that scored and ended before its work was done."""


class ColumnsDiffer(BulkError):
    """A DataFrame without a column of the schema, or with one that the answers would have twice."""


class RowsDepend(BulkError):
    """A version whose answers depend on the other rows of a call, on an engine that cuts rows into batches."""


class CacheNotPrivate(BulkError):
    """A folder for copies of versions that other users may change."""
