"""Path prefixes: ROOT_PATH, X-Forwarded-Prefix, and paths without them."""

import pytest

from predict_api.edge.path_prefix import forwarded_prefix, prefix_in, without


def test_a_root_path_loses_the_slash_at_its_end() -> None:
    assert [prefix_in(text) for text in ("", "/", "/ml", "/ml/", "/teams/credit.v2/")] == [
        *("", "", "/ml", "/ml", "/teams/credit.v2")
    ]


@pytest.mark.parametrize("wrong", ["ml", "//evil.example", "/a//b", "/a/../b", "/a b", "/%2e", "/a?b", "/" + "a" * 300])
def test_what_is_no_prefix_is_refused_and_never_shown(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no path prefix"):
        prefix_in(wrong)
    assert forwarded_prefix(wrong) is None


@pytest.mark.parametrize("wrong", ["/models", "/models/x", "/v2"])
def test_a_root_path_that_begins_like_a_route_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="begins like a route"):
        prefix_in(wrong)


def test_prefixes_of_several_proxies_follow_each_other() -> None:
    assert forwarded_prefix("/api, /ml/") == "/api/ml"
    assert forwarded_prefix("/") == ""
    assert forwarded_prefix("/api, //evil.example") is None


def test_a_prefix_is_taken_off_whole_segments_only() -> None:
    assert without("/ml", "/ml/predict") == "/predict"
    assert without("/ml", "/ml") == "/"
    assert without("/ml", "/mlx/predict") == "/mlx/predict"
    assert without("/ml", "/predict") == "/predict"
    assert without("", "/predict") == "/predict"
