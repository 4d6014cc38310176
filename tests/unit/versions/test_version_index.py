"""The index of versions in memory: newest first, in pages, each version once."""

from changeover.manifest.manifest import Manifest
from model_server.versions.version_index import Rejection, VersionIndex


def manifest(number: int, created_at: str = "", description: str = "") -> Manifest:
    at = created_at or f"2026-01-31T12:00:{number:02d}.000000Z"
    return Manifest("loan", f"{number:064x}", 10, at, {}, {"type": "Pipeline"}, description=description)


def numbers(index: VersionIndex, limit: int, before: int | None = None) -> list[int]:
    cursor = None if before is None else f"{before:064x}"
    return [int(each.version, 16) for each in index.newest("loan", limit, cursor)]


def test_pages_are_newest_first_and_meet_without_overlap() -> None:
    index = VersionIndex()
    for number in (3, 1, 2, 5, 4):
        index.add(manifest(number))
    assert numbers(index, 2) == [5, 4]
    assert numbers(index, 2, before=4) == [3, 2]
    assert numbers(index, 2, before=2) == [1]
    assert numbers(index, 2, before=1) == []
    assert index.count("loan") == 5


def test_versions_of_one_moment_are_all_on_the_pages() -> None:
    index = VersionIndex()
    for number in range(7):
        index.add(manifest(number, "2026-01-31T12:00:00.000000Z"))
    assert numbers(index, 4) + numbers(index, 4, before=3) == [6, 5, 4, 3, 2, 1, 0]


def test_a_later_manifest_replaces_the_record_and_keeps_its_place() -> None:
    index = VersionIndex()
    index.add(manifest(1))
    index.add(manifest(2))
    index.add(manifest(1, description="better"))
    assert numbers(index, 5) == [2, 1]
    listed = index.find("loan", f"{1:064x}")
    assert listed is not None
    assert listed.description == "better"


def test_an_unknown_cursor_or_model_gives_no_error() -> None:
    index = VersionIndex()
    index.add(manifest(1))
    assert numbers(index, 5, before=9) == [1]
    assert index.newest("other", 5) == []
    assert index.rejections("other") == []
    assert not index.complete("other")


def test_rejections_are_newest_first_and_once_by_name() -> None:
    index = VersionIndex()
    for name, at in (("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-02T00:00:00Z"), ("a", "2026-01-01T00:00:00Z")):
        index.add_rejection(Rejection(model="loan", name=name, created_at=at))
    assert [each.name for each in index.rejections("loan")] == ["b", "a"]
    assert index.knows_rejection("loan", "a")
    assert not index.knows_rejection("loan", "c")


def test_the_versions_since_a_moment_are_oldest_first_and_an_edition_grows_with_each_record() -> None:
    index = VersionIndex()
    editions = [index.edition("loan")]
    for number in (3, 1, 2):
        index.add(manifest(number))
        editions.append(index.edition("loan"))
    index.add_rejection(Rejection(model="loan", name="a", created_at="2026-01-01T00:00:00Z"))
    assert sorted({*editions, index.edition("loan")}) == [*editions, index.edition("loan")]
    second = index.find("loan", f"{2:064x}")
    assert second is not None
    assert [int(each.version, 16) for each in index.since("loan", second.created_at)] == [2, 3]
    assert index.since("other", "") == []


def test_a_doubt_after_the_beginning_of_a_reading_lasts() -> None:
    index = VersionIndex()
    index.doubt("loan")
    index.begin_reading("loan")
    assert not index.in_doubt("loan")
    index.doubt("loan")
    index.completed("loan")
    assert index.in_doubt("loan")
