"""The setting DIALECTS."""

import pytest

from changeover.exceptions import InvalidSetting
from predict_api.dialects.known import KNOWN, dialects
from predict_api.dialects.names import NAMES, names_in


def test_the_names_are_those_of_the_dialects() -> None:
    assert tuple(KNOWN) == NAMES
    assert [dialect.name for dialect in dialects(NAMES)] == list(NAMES)


def test_the_setting_lists_all_none_or_some() -> None:
    assert names_in("all") == NAMES
    assert names_in(" none ") == ()
    assert names_in("oip, ,oip") == ("oip",)


@pytest.mark.parametrize("listed", ["", ",", "grpc", "oip,grpc", "all,oip"])
def test_another_name_is_refused_with_those_that_there_are(listed: str) -> None:
    with pytest.raises(InvalidSetting, match="oip"):
        names_in(listed)
