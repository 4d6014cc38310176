"""Checks of attributes by which scikit-learn calls methods, opens files or allocates memory.

A model calls methods that its attributes name: `StackingRegressor.transform` calls `getattr(est, stack_method_[i])`.
So method names come from a fixed list, a function's options never name an output, and no cache is read.
"""

import functools
import os
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from changeover.artifact.state.need import is_count, need

METHODS: Final = frozenset(
    "predict predict_proba predict_log_proba decision_function transform score_samples auto drop".split()  # noqa: SIM905
)
_LARGEST: Final = 10_000_000  # the largest value of an attribute that sizes the memory of a request
_PLAIN: Final = (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, object, OrderedDict)

Rule = Callable[[Any, str, object], None]


def _names_methods(_owner: Any, name: str, value: object) -> None:
    named = value if isinstance(value, list | tuple) else (value,)
    for method in named:
        known = method is None or (isinstance(method, str) and str(method) in METHODS)
        need(known, f".{name}", f"names {str(method)[:60]!r}, which is no prediction method")


def _names_attributes(_owner: Any, name: str, value: object) -> None:
    """`SelectFromModel.importance_getter`: a path of attributes that are read, or a function."""
    if isinstance(value, str):
        plain = all(part.isidentifier() and not part.startswith("_") for part in value.split("."))
        need(plain, f".{name}", f"names {value[:60]!r}, which is no attribute of a model")


def _is_no_cache(owner: Any, name: str, value: object) -> None:
    """A cache folder of the fit is dropped, as nothing is fitted here; any other cache is refused."""
    need(value is None or isinstance(value, str), f".{name}", "is a cache, which would unpickle files: set it to None")
    vars(owner)[name] = None


def _holds_options(_owner: Any, name: str, value: object) -> None:
    check_options(value, f".{name}")


def check_options(options: object, where: str) -> None:
    """Keyword arguments of a function; `n_jobs` among them becomes 1."""
    if options is None:
        return
    need(type(options) is dict, where, "is no dict of keyword arguments")
    assert isinstance(options, dict)
    for key in options:
        need(isinstance(key, str), where, "has a keyword argument that is no string")
        need(
            key not in ("out", "like"), where, f"has the keyword argument {key}=, by which a function writes elsewhere"
        )
    need(options.get("where", True) is True, where, "has the keyword argument where=, which leaves memory as it was")
    if "n_jobs" in options:
        options["n_jobs"] = 1


def _says_a_size(_owner: Any, name: str, value: object) -> None:
    if is_count(value):
        need(int(value) <= _LARGEST, f".{name}", f"is {value}, more than {_LARGEST}")  # type: ignore[call-overload]


_BY_NAME: Final[dict[Rule, str]] = {
    _names_methods: "stack_method stack_method_ response_method _response_method chain_method chain_method_",
    _names_attributes: "importance_getter",
    _is_no_cache: "memory",
    _holds_options: "kw_args inv_kw_args metric_params effective_metric_params_ kernel_params pairwise_kernels_kwargs _kwargs",
    _says_a_size: "n_components n_components_ _n_components n_outputs_ n_features_in_ n_features_out_ n_output_features_ "
    "_n_out_full n_classes_ n_bins n_knots degree _max_degree n_trees_per_iteration_ n_samples_fit_",
}
RULES: Final[dict[str, Rule]] = {name: rule for rule, names in _BY_NAME.items() for name in names.split()}


def limit_jobs(owner: Any, *, outermost: bool, trusted: bool) -> None:
    """Set `n_jobs`: all processors for the outermost model, one thread for every nested one."""
    attributes = vars(owner)
    if "n_jobs" not in attributes or attributes["n_jobs"] is None:
        return
    if trusted and not is_count(attributes["n_jobs"], -1_000_000):
        return
    need(is_count(attributes["n_jobs"], -1_000_000), ".n_jobs", "is no number of jobs")
    attributes["n_jobs"] = min(int(attributes["n_jobs"]), os.cpu_count() or 1) if outermost else 1


def check_callable(value: Any, *, trusted: bool, called_while_loading: bool) -> None:
    """Refuse a function or class that a model must not call later."""
    if trusted:
        return
    if isinstance(value, functools.partial):
        _check_positions(value)
        check_options(value.keywords, ".keywords")
    elif isinstance(value, type):
        number = issubclass(value, np.generic) and not issubclass(value, np.void)
        need(number or value in _PLAIN, "", f"is the class {value.__name__}, which no model calls")
    else:
        need(not isinstance(value, types.MethodType), "", "is a bound method")
        need(not called_while_loading, "", f"is {getattr(value, '__name__', 'a function')}, which only loading calls")


def _check_positions(partial: "functools.partial[object]") -> None:
    """Only a ufunc has arguments by position: plain numbers, and fewer than its inputs, as the next one is an output."""
    inputs = partial.func.nin if isinstance(partial.func, np.ufunc) else 1
    plain = all(type(value) in (bool, int, float) or isinstance(value, np.number) for value in partial.args)
    need(
        plain and len(partial.args) < inputs,
        "",
        "is a partial call with arguments by place that are no numbers of a ufunc",
    )
