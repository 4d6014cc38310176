"""The parts of the wine example that need no stack: the split, the slots as one table, the log, the lock."""

import io
import json
from pathlib import Path

import joblib
import pandas as pd
import pytest

from examples.wine.cut import REPEATED, cut, deliver, keep_held_out
from examples.wine.data import CLASSES, HELD_OUT, INPUTS, TARGET, BadSlot, digests, merge, read, slots_in
from examples.wine.retrain import RunFailed, main, score, train
from examples.wine.runs import LOG, AnotherRun, Outcome, Run, alone, append, lines, newest_settled


def run(outcome: Outcome, **more: object) -> Run:
    return Run(time="2026-01-01T00:00:00Z", slots={"a": "1"}, outcome=outcome, reason="why", **more)  # type: ignore[arg-type]


def test_the_cut_uses_every_wine_once_and_keeps_the_shares_of_the_classes() -> None:
    parts = cut()
    new_rows = [parts.slots[0], *(slot.iloc[REPEATED:] for slot in parts.slots[1:])]
    everything = pd.concat([parts.held_out, *new_rows])
    assert len(everything) == 178
    assert everything.index.is_unique
    shares = everything[TARGET].value_counts(normalize=True)
    for part in (parts.held_out, *new_rows):
        assert (part[TARGET].value_counts(normalize=True) - shares).abs().max() < 0.05


def test_the_same_seed_is_the_same_cut_and_another_is_another() -> None:
    assert cut(3).held_out.equals(cut(3).held_out)
    assert not cut(3).held_out.equals(cut(4).held_out)


def test_slots_that_arrive_are_merged_and_repeated_rows_dropped(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        deliver(tmp_path, number)
    merged = merge(slots_in(tmp_path))
    assert merged.repeated == 2 * REPEATED
    assert len(merged.wines) == 178 - len(cut().held_out)
    assert not merged.wines.duplicated().any()


def test_what_was_written_is_read_back_to_the_last_digit(tmp_path: Path) -> None:
    keep_held_out(tmp_path)
    wines = read((tmp_path / HELD_OUT).read_bytes(), HELD_OUT)
    assert wines.equals(cut().held_out.reset_index(drop=True).astype(wines.dtypes.to_dict()))


def test_held_out_rows_stay_the_same_once_they_are_there(tmp_path: Path) -> None:
    before = keep_held_out(tmp_path, seed=0).read_bytes()
    assert keep_held_out(tmp_path, seed=1).read_bytes() == before


def test_a_slot_that_is_still_being_written_is_not_seen(tmp_path: Path) -> None:
    whole = deliver(tmp_path, 1)
    whole.with_name(".slot-02.csv.part").write_text("half")
    assert list(slots_in(tmp_path)) == ["slot-01.csv"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace(CLASSES[0], "class_9", 1), "field class: 'class_9' is not one of"),
        (lambda text: text.replace("alcohol", "spirit", 1), "field alcohol: the frame has no such column"),
        (lambda text: text.splitlines()[0] + "\n", "has no rows"),
        (lambda _: "", "is no CSV file"),
        (lambda text: text + "1,2\n", "field malic_acid: '' is not a number|a value is required"),
    ],
)
def test_a_broken_slot_is_refused_by_its_name(tmp_path: Path, change, why: str) -> None:
    text = deliver(tmp_path, 1).read_text()
    with pytest.raises(BadSlot, match=f"slot-01.csv.*({why})"):
        merge({"slot-01.csv": change(text).encode()})


def test_the_same_wines_give_the_same_bytes(tmp_path: Path) -> None:
    deliver(tmp_path, 1)
    wines = merge(slots_in(tmp_path)).wines
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        joblib.dump(train(wines), file)
    assert files[0].getvalue() == files[1].getvalue()


def test_a_slot_with_wrong_labels_makes_the_model_worse(tmp_path: Path) -> None:
    held_out = cut().held_out
    deliver(tmp_path, 1)
    deliver(tmp_path, 2)
    champion = score(train(merge(slots_in(tmp_path)).wines), held_out)
    deliver(tmp_path, 3)
    right = score(train(merge(slots_in(tmp_path)).wines), held_out)
    deliver(tmp_path, 3, wrong_labels=True)
    wrong = score(train(merge(slots_in(tmp_path)).wines), held_out)
    assert right > champion > wrong + 0.1


def test_wines_of_one_class_are_nothing_to_learn_from() -> None:
    wines = pd.DataFrame({**{name: [1.0, 2.0] for name in INPUTS}, TARGET: [CLASSES[0]] * 2})
    with pytest.raises(RunFailed, match="of one class"):
        train(wines)


def test_every_run_is_a_line_of_the_log_and_a_torn_one_is_passed_over(tmp_path: Path) -> None:
    append(tmp_path, run(Outcome.PROMOTED, f1_macro=0.5, version="a"))
    with (tmp_path / LOG).open("a") as log:
        log.write('{"time": "2026-')
    append(tmp_path, run(Outcome.REFUSED))
    append(tmp_path, run(Outcome.FAILED))
    assert [one["outcome"] for one in lines(tmp_path)] == ["promoted", "refused", "failed"]
    settled = newest_settled(tmp_path)
    assert settled is not None
    assert settled["outcome"] == "refused"
    assert settled["slots"] == {"a": "1"}
    assert newest_settled(tmp_path / "nowhere") is None


def test_a_run_beside_another_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(tmp_path, 1)
    with alone(tmp_path):
        with pytest.raises(AnotherRun), alone(tmp_path):
            pass
        assert main(["--data", str(tmp_path)]) == 0
    assert "another run is under way" in capsys.readouterr().out
    assert lines(tmp_path) == []
    with alone(tmp_path):
        pass


def test_without_a_slot_there_is_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_without_a_stack_a_run_fails_and_is_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(tmp_path, 1)
    assert main(["--data", str(tmp_path), "--home", str(tmp_path / "home")]) == 1
    assert "no stack is running here" in capsys.readouterr().err
    (line,) = lines(tmp_path)
    assert line["outcome"] == "failed"
    assert line["slots"] == digests(slots_in(tmp_path))
    assert "no stack" in str(line["reason"])
    assert newest_settled(tmp_path) is None


def test_a_folder_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    assert main(["--data", str(tmp_path / "nowhere")]) == 1


def test_a_line_of_the_log_says_all_that_a_run_came_to(tmp_path: Path) -> None:
    append(tmp_path, run(Outcome.PROMOTED, rows=3, repeated=1, f1_macro=0.5, version="a"))
    (line,) = (tmp_path / LOG).read_text().splitlines()
    assert list(json.loads(line)) == [
        *("time", "slots", "outcome", "reason"),
        *("rows", "repeated", "f1_macro", "version"),
    ]
