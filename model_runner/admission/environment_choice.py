"""The choice of the environment that examines an artifact, by the names in it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from changeover.environments.choice import choose
from changeover.environments.environment import DEFAULT, Environment
from changeover.environments.exceptions import NoEnvironment
from changeover.exceptions import InvalidManifest
from changeover.json_documents import read_document
from changeover.json_types import Json
from changeover.manifest.manifest import Draft

SKLEARN = "scikit-learn"
_Names = Annotated[list[Annotated[str, msgspec.Meta(max_length=2000)]], msgspec.Meta(max_length=100_000)]


class Names(msgspec.Struct, frozen=True):
    """The names in an artifact, from a runner: dotted globals, and the versions of scikit-learn that made its parts.

    `bundle` is the reason to refuse an artifact that is no model, but may hold one; empty for any other.
    """

    globals: _Names = []
    sklearn: _Names = []
    bundle: Annotated[str, msgspec.Meta(max_length=10_000)] = ""


@dataclass(frozen=True)
class Choice:
    """The environment, and whether it has another scikit-learn than the one that made the artifact."""

    environment: str
    skewed: bool = False


def read_names(body: Json) -> Names:
    """The answer of a runner, checked; raises InvalidManifest."""
    return read_document(body, Names, "survey", InvalidManifest)


def chosen(
    names: Names, draft: Draft, extra_globals: Collection[str], environments: Mapping[str, Environment]
) -> Choice:
    """The environment for an artifact; raises NoEnvironment with the command that makes one.

    One with another scikit-learn is chosen only for a draft with golden outputs, which must replay there.
    """
    unlisted = [name for name in names.globals if name not in extra_globals]
    roots = {name.partition(".")[0] for name in unlisted}
    made_with = dict(draft.environment)
    if names.sklearn:
        made_with[SKLEARN] = _other_than(environments[DEFAULT].versions.get(SKLEARN, ""), names.sklearn)
    try:
        return Choice(choose(made_with, roots, environments, unlisted).name)
    except NoEnvironment:
        if not (draft.golden and draft.golden.get("outputs")) or SKLEARN not in made_with:
            raise
        without_version = {name: version for name, version in made_with.items() if name != SKLEARN}
        try:
            return Choice(choose(without_version, roots, environments).name, skewed=True)
        except NoEnvironment:
            pass
        raise


def _other_than(here: str, versions: list[str]) -> str:
    """The version that made the artifact: one that is not installed here, if it names several."""
    return next((version for version in sorted(versions) if version != here), versions[0])
