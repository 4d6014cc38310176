"""Replacements for the functions by which pickles rebuild times with a zone, as an encoder keeps them as categories.

They make values from a number, a unit and the name of a zone, and check each of them.
"""

import re
import zoneinfo
from datetime import tzinfo
from typing import Final

import numpy as np

from changeover.artifact import next_step, unused
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

_UNITS: Final = {7: "s", 8: "ms", 9: "us", 10: "ns"}  # pandas' numbers of resolutions
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_INT64: Final = range(-(2**63), 2**63)


def make_timestamp(value: object, _freq: object = None, zone: object = None, resolution: object = 10) -> object:
    """`pandas.Timestamp` at `value` units of 1970 in UTC; `resolution` is pandas' number of the unit."""
    import pandas as pd

    unit = _UNITS.get(resolution) if isinstance(resolution, int) else None
    if unit is None or not isinstance(value, int) or value not in _INT64 or not isinstance(zone, tzinfo | None):
        raise UnreadableArtifact("the artifact is damaged or forged: a time that is no number of a known unit")
    time = pd.Series(np.array([value], dtype=f"datetime64[{unit}]")).iloc[0]
    return time if zone is None else time.tz_localize("UTC").tz_convert(zone)


def make_no_time(*_: object) -> object:
    """`pandas.NaT`."""
    import pandas as pd

    return pd.NaT


def make_zone(key: object, _from_cache: object = True) -> tzinfo:
    """The time zone that `key` names, such as `Europe/Berlin`."""
    if not isinstance(key, str) or not _ZONE.fullmatch(key):
        raise UnreadableArtifact("the artifact is damaged or forged: a time zone without a name")
    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise UnreadableArtifact(
            f"the artifact needs the time zone {key!r}, which this system does not have"
        ) from error


def attribute_of(owner: object, name: object) -> object:
    """`builtins.getattr`, for the function of a zone that pickles call, and for a method of a distribution."""
    if owner is zoneinfo.ZoneInfo and name == "_unpickle":
        return make_zone
    if not isinstance(owner, unused.Distribution):
        raise ForbiddenGlobal("builtins.getattr", next_step.of("builtins.getattr"))
    return unused.Distribution()
