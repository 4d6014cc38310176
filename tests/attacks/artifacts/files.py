"""Attacks on files: what they write, where, and by which method of an allowed object."""

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, CompoundKernel
from sklearn.linear_model import LinearRegression
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline

from tests.attacks.artifacts import forging
from tests.attacks.artifacts.forging import at_missing, cached, calls, content, through, writes
from tests.attacks.attack import FIRST, Attack, Target
from tests.forged_models import dumped, given

_TEXT = b"written by a model"


def _tofile(folder: str = "") -> object:
    def build(target: Target) -> bytes:
        where = str(target.home) if folder == "home" else folder
        return dumped(at_missing(through(writes(_TEXT, target.file("tofile", where)))))

    return build


def _dump(target: Target) -> bytes:
    return dumped(at_missing(through(calls(content(_TEXT), "dump", target.file("dump")))))


def _cache(target: Target) -> bytes:
    return dumped(at_missing(through(calls(cached(target.file("cache")), "fit"))))


def _symlink_of_a_secret(target: Target) -> bytes:
    """Overwrite a file of the test by its path."""
    return dumped(at_missing(through(writes(b"overwritten", str(target.secret_file)))))


def _row_of_the_caller(target: Target) -> bytes:
    """A kernel that is a scorer: `kernel_(X, X_train_)` becomes `X.tofile(path)`, with the caller's own numbers."""
    scorer = given(make_scorer(mean_squared_error), _response_method="tofile")
    process = GaussianProcessRegressor(RBF(), optimizer=None).fit(forging.X[:, 1:], forging.Y)
    given(process, kernel_=CompoundKernel([scorer]), X_train_=target.file("row"))
    return dumped(at_missing(through(process), sees=np.array([1, 2])))


def _named_by_a_search(target: Target) -> bytes:
    """A search sets `input="filename"` of a vectorizer after the check, and reads the files named by its input."""
    model = Pipeline([("words", HashingVectorizer(n_features=4)), ("end", LinearRegression())])
    search = GridSearchCV(model, {"words__input": ["filename"]}, cv=KFold(2), error_score="raise", refit=False)
    paths = [str(target.secret_file)] * 4
    return dumped(at_missing(through(calls(search, "fit", forging.objects(list(paths))))))


def _program_of_the_stack(target: Target) -> bytes:
    """Write where Python looks at its start."""
    return dumped(at_missing(through(writes(_TEXT, target.file("sitecustomize.py", "/proc/self/cwd")))))


ATTACKS = (
    Attack("tofile", "ndarray.tofile writes a file into a folder of the test", _tofile()),
    Attack("tofile in the home", "ndarray.tofile writes a file beside the stack's own", _tofile("home")),
    Attack("tofile in /tmp", "ndarray.tofile writes a file into /tmp", _tofile("/tmp")),
    Attack("tofile in /dev/shm", "ndarray.tofile writes a file into shared memory", _tofile("/dev/shm")),
    Attack(
        "tofile in the working folder", "ndarray.tofile writes into the process's working folder", _program_of_the_stack
    ),
    Attack("overwrites a file", "ndarray.tofile overwrites a file that others need", _symlink_of_a_secret),
    Attack("ndarray.dump", "ndarray.dump pickles into a file", _dump),
    Attack("cache folder", "Pipeline.memory makes a cache folder by a fit at request time", _cache),
    Attack("row of the caller", "a scorer as a kernel writes the caller's numbers into a file", _row_of_the_caller),
    Attack(
        "file by a search", "a search turns a vectorizer into one that opens files", _named_by_a_search, (FIRST, FIRST)
    ),
)
