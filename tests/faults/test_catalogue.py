"""The completeness of the fault catalogue: each row has a test that names it, or a reason why there is none."""

from tests.faults.catalogue import DOCUMENT, NOT_INJECTED, REQUIRED, named_in, proofs, rewritten, rows

TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_required_row_is_in_the_table_once() -> None:
    numbers = [row.number for row in rows(TEXT)]
    assert numbers == sorted(set(numbers))
    assert REQUIRED - set(numbers) == set()


def test_every_row_is_proved_by_a_test_or_says_why_it_is_not() -> None:
    proved = proofs()
    unproved = [row for row in rows(TEXT) if row.number not in proved]
    assert [row.number for row in unproved if not row.proof.startswith(NOT_INJECTED)] == []


def test_the_table_names_the_tests_that_name_its_rows() -> None:
    assert rewritten(TEXT) == TEXT, "run `python -m tests.faults.catalogue`"


def test_no_test_names_a_row_that_the_table_lacks() -> None:
    assert set(proofs()) - {row.number for row in rows(TEXT)} == set()


def test_rows_are_read_from_docstrings() -> None:
    assert named_in("Fault 14: it ends.") == {14}
    assert named_in("Faults 3, 4 and 24: they end.") == {3, 4, 24}
    assert named_in("The fault 9 of the year; Default 7: none") == set()
