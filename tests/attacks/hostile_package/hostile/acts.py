"""The acts by name."""

from . import itself, reach

ACTS = {
    name: value
    for module in (reach, itself)
    for name, value in vars(module).items()
    if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
}
