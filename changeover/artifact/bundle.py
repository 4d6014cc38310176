"""The refusal of an artifact that is no model: a bundle, a bare transformer, data. It says how to publish the model."""

from typing import Final

from changeover.artifact.outline import Member, Outline
from changeover.artifact.roles import Role

_LOAD: Final = 'joblib.load("file.joblib")'
_MODEL_KEYS: Final = frozenset(
    f'["{key}"]' for key in ("classifier", "clf", "estimator", "model", "pipeline", "pipe", "predictor", "regressor")
)
_MOST_NAMED: Final = 5


def refusal(top: Outline) -> str | None:
    """The reason to refuse the outermost object `top`, with the lines that publish its model; None for a model."""
    if top.is_container:
        return _container(top)
    if top.role in (Role.TRANSFORMER, Role.VECTORIZER):
        return (
            f"the artifact is a {top.name}, which cannot predict: publish it with its model as one pipeline: "
            f"`changeover.publish(make_pipeline({_variable(top.role)}, model))`"
        )
    if top.role is Role.LABELS:
        return (
            f"the artifact is a {top.name}, which cannot predict: fit the model on the labels themselves, and publish "
            f"that: `changeover.publish(model)`"
        )
    if top.role is Role.DATA:
        return (
            f"the artifact is a {top.name}, which is data and cannot predict: publish the fitted model, with a frame as "
            f"its example: `changeover.publish(model, example=frame)`"
        )
    return None


def _container(top: Outline) -> str:
    models = top.of_role(Role.MODEL) or tuple(
        member for member in top.of_role(Role.OTHER) if member.where in _MODEL_KEYS and "." in member.kind
    )
    if not models:
        return (
            f"the artifact is a {top.name}, which cannot predict, and no member of it is a model: publish the fitted "
            f"estimator or pipeline itself: `changeover.publish(model)`"
        )
    if len(models) > 1:
        return _several(top, models)
    model = models[0]
    lead = f"the artifact is a {top.name}; its model is {_place(model)} (a {model.name})"
    steps = top.of_role(Role.VECTORIZER, Role.TRANSFORMER)
    if any("..." in member.where for member in (model, *steps)):
        return f"{lead}. Publish that object alone: `changeover.publish(model)`"
    sentences = [_lines(model, steps), *_labels(top), *_columns(top)]
    return f"{lead}. {' '.join(sentences)}"


def _lines(model: Member, steps: tuple[Member, ...]) -> str:
    """The two lines that publish the model, or the pipeline of it and the steps before it."""
    if not steps:
        return f"Publish that: `model = {_LOAD}{model.where}` and `changeover.publish(model)`."
    parts = ", ".join(f"bundle{member.where}" for member in (*steps, model))
    names = " and ".join(f"the {member.name} {_place(member)}" for member in steps)
    pipeline = f"`bundle = {_LOAD}` and `changeover.publish(make_pipeline({parts}))`"
    if any(member.role is Role.VECTORIZER for member in steps):
        return (
            f"It reads the output of {names}: publish them as one pipeline, to which callers send strings: {pipeline}."
        )
    alone = f"`changeover.publish(bundle{model.where})`"
    return f"If it was fitted on the output of {names}, publish them as one pipeline: {pipeline}; otherwise it alone: {alone}."


def _labels(top: Outline) -> list[str]:
    return [
        f"The {member.name} {_place(member)} is no step of a pipeline: fit the model on the labels themselves, and encode "
        f"a column by an OrdinalEncoder or OneHotEncoder in a ColumnTransformer."
        for member in top.of_role(Role.LABELS)[:1]
    ]


def _columns(top: Outline) -> list[str]:
    return [
        f"Give the columns {_place(member)} by an example: `changeover.publish(model, example=frame[columns])`, or as "
        f"schema: `changeover push --schema FILE`."
        for member in top.of_role(Role.COLUMNS)[:1]
    ]


def _several(top: Outline, models: tuple[Member, ...]) -> str:
    named = ", ".join(f"{_place(member)} (a {member.name})" for member in models[:_MOST_NAMED])
    more = f" and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
    return (
        f"the artifact is a {top.name} of {len(models)} models, and a version is one: {named}{more}. Publish each under a "
        f"name of its own: `model = {_LOAD}{models[0].where}` and `changeover.publish(model, NAME)`"
    )


def _place(member: Member) -> str:
    """The position of a member in words: a key, an index or a path."""
    inner = member.where[1:-1]
    if "..." in member.where:
        return "under one of its keys"
    if "][" in member.where:
        return f"at {member.where}"
    return f"under the key {inner.replace(chr(34), chr(39))}" if inner.startswith('"') else f"at index {inner}"


def _variable(role: Role) -> str:
    return "vectorizer" if role is Role.VECTORIZER else "transformer"
