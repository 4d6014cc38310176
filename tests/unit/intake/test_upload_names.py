"""The names of uploads: fit to be part of a key, whatever their publisher calls them."""

import pytest

from model_server.routes.uploads import file_name


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("model.joblib", "model.joblib"),
        ("a/b/model.joblib", "model.joblib"),
        ("C:\\models\\größe.joblib", "größe.joblib"),
        ("../../x", "x"),
        ("folder/", None),
        ("..", None),
        (" \x00\n", None),
        ("a\x85b", "ab"),
        ("x" * 1000, "x" * 200),
        ("", None),
        (None, None),
    ],
)
def test_a_name_loses_folders_and_what_cannot_be_printed(sent: str | None, name: str | None) -> None:
    assert file_name(sent) == name
