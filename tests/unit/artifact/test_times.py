"""Times with a zone in an artifact: made by checked replacements, and nothing else of their modules is reached."""

import io
import pickle
import zoneinfo
from datetime import UTC, date, timedelta, timezone

import joblib
import pandas as pd
import pytest
from sklearn.preprocessing import OrdinalEncoder

from changeover.artifact import times
from changeover.artifact.load import load_model
from changeover.exceptions import ForbiddenGlobal, UnreadableArtifact

DAYS = pd.Series(pd.to_datetime(["2024-03-30 12:00", "2024-03-31 12:00", None]))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", timezone(timedelta(hours=5, minutes=30)), UTC])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_categories_with_a_zone_are_loaded_as_they_were(zone: object, unit: str) -> None:
    frame = DAYS.astype(f"datetime64[{unit}]").dt.tz_localize(zone).to_frame("at")  # type: ignore[arg-type]
    encoder = OrdinalEncoder().fit(frame)
    file = io.BytesIO()
    joblib.dump(encoder, file)
    loaded = load_model(file.getvalue())
    assert repr(loaded.categories_) == repr(encoder.categories_)  # type: ignore[attr-defined]
    assert loaded.transform(frame).tolist() == encoder.transform(frame).tolist()  # type: ignore[attr-defined]


def test_days_are_loaded_as_they_were() -> None:
    frame = pd.DataFrame({"day": pd.Series([date(2024, 2, 29), date(2024, 3, 1)], dtype=object)})
    file = io.BytesIO()
    joblib.dump(OrdinalEncoder().fit(frame), file)
    assert load_model(file.getvalue()).transform(frame).tolist() == [[0.0], [1.0]]  # type: ignore[attr-defined]


class Reduced:
    """An object whose pickle is a call."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple[object, ...]:
        return self.parts  # type: ignore[return-value]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "Europe/../../etc/passwd", "", "No/Such_Zone", 5, "a" * 3 + "\0"]
)
def test_a_zone_is_read_by_its_name_only(name: object) -> None:
    with pytest.raises(UnreadableArtifact):
        times.make_zone(name)


@pytest.mark.parametrize(
    "forged", [Reduced(getattr, (zoneinfo.ZoneInfo, "from_file")), Reduced(getattr, (zoneinfo.ZoneInfo, "__init__"))]
)
def test_no_other_attribute_of_a_zone_is_handed_out(forged: object) -> None:
    with pytest.raises(ForbiddenGlobal):
        load_model(pickle.dumps(forged))


@pytest.mark.parametrize(
    "arguments", [("1", None, None, 10), (2**63, None, None, 10), (1, None, None, 4), (1, None, "UTC", 10)]
)
def test_a_forged_time_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(UnreadableArtifact, match="damaged or forged"):
        times.make_timestamp(*arguments)
