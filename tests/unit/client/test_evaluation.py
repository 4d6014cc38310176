"""The digest of held-out data: equal data has equal digests in any storage format."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import changeover
from changeover.client.evaluation import UnreadableData, evaluated_on

FRAME = pd.DataFrame({"b": [1.5, None, 7.0], "a": ["x", "ü", None], "y": [True, False, True]})


def test_the_digest_is_that_of_sorted_lines_as_documented() -> None:
    lines = ['["a","b","y"]', *sorted(['["x",1.5,true]', '["ü",null,false]', "[null,7,true]"])]
    expected = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert evaluated_on(FRAME) == {"data_sha256": expected, "rows": 3}
    assert changeover.evaluated_on(FRAME) == evaluated_on(FRAME)


def test_order_index_and_numeric_type_do_not_matter() -> None:
    changed = FRAME.sample(frac=1, random_state=1)[["y", "a", "b"]].set_index(np.array([9, 8, 7]))
    assert evaluated_on(changed) == evaluated_on(FRAME)
    assert evaluated_on(pd.DataFrame({"n": [1, 2]})) == evaluated_on(pd.DataFrame({"n": [1.0, 2.0]}))


def test_a_file_has_the_digest_of_its_frame(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "heldout.csv", index=False)
    assert evaluated_on(tmp_path / "heldout.csv") == evaluated_on(str(tmp_path / "heldout.csv")) == evaluated_on(FRAME)


@pytest.mark.parametrize("change", [("b", 1.25), ("a", "X"), ("y", False)])
def test_another_cell_is_other_data(change: tuple[str, float | str | bool]) -> None:
    changed = FRAME.copy()
    changed.loc[0, change[0]] = change[1]
    assert evaluated_on(changed) != evaluated_on(FRAME)


def test_a_row_more_or_another_name_is_other_data() -> None:
    assert evaluated_on(pd.concat([FRAME, FRAME.head(1)])) != evaluated_on(FRAME)
    assert evaluated_on(FRAME.rename(columns={"b": "c"})) != evaluated_on(FRAME)


def test_a_digest_is_taken_as_it_is() -> None:
    assert evaluated_on("AB" * 32) == {"data_sha256": "ab" * 32}


@pytest.mark.parametrize("name", ["missing.csv", "data.bin"])
def test_what_is_no_table_is_refused_with_the_next_step(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableData, match=name):
        evaluated_on(tmp_path / name)
