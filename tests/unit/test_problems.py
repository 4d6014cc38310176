"""The problems that `/readyz` of model_server shows."""

from model_server.problems import Problems, Topic


def test_a_problem_is_named_by_its_topic_and_its_subject() -> None:
    problems = Problems()
    problems.set(Topic.STORE, "it is away")
    problems.set(Topic.ROLLOUT, "golden row 0 differs", "loan")
    problems.set(Topic.RECORDS, "2 cannot be read", "aborted/loan/")
    problems.set(Topic.STAGE, "no ledger", "watch")
    assert problems.texts() == {
        "store": "it is away",
        "rollout of loan": "golden row 0 differs",
        "records in aborted/loan/": "2 cannot be read",
        "watch": "no ledger",
    }


def test_a_text_that_may_quote_a_version_is_hidden_and_its_name_is_not() -> None:
    problems = Problems()
    problems.set(Topic.LEDGER, "sequence 3 is gone", "loan")
    problems.set(Topic.ROLLOUT, "golden row 0 differs", "loan")
    assert problems.texts(hidden="ask") == {"ledger of loan": "sequence 3 is gone", "rollout of loan": "ask"}


def test_setting_says_whether_it_is_news_and_clearing_whether_it_was_set() -> None:
    problems = Problems()
    assert problems.set(Topic.PIN, "not there")
    assert not problems.set(Topic.PIN, "not there")
    assert problems.set(Topic.PIN, "another hash")
    assert problems.has(Topic.PIN)
    assert problems.clear(Topic.PIN)
    assert not problems.clear(Topic.PIN)
    assert not problems.has(Topic.PIN)
