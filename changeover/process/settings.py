"""The reader of settings: the only reader of the environment; typed, checked at start, secrets from files.

Each concern declares a subclass of `Settings` whose fields have descriptions. A field `publish_token` is read from
`PUBLISH_TOKEN`, or from the file named by `PUBLISH_TOKEN_FILE`. There is no `.env`, so that a stray file cannot
configure a server.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import AfterValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from changeover.exceptions import ChangeoverError, InvalidSetting
from changeover.process.misspelt import misspelt


class _FilesNamedInTheEnvironment(PydanticBaseSettingsSource):
    """`NAME_FILE=/run/secrets/name` gives the setting `NAME` the content of that file, less its last newline."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except OSError as error:
            raise InvalidSetting(
                f"{field_name.upper()}_FILE names {path}, which cannot be read: {error.strerror}"
            ) from error

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """The base of every settings class; an empty variable counts as unset."""

    model_config = SettingsConfigDict(env_file=None, env_ignore_empty=True, extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Precedence: values given in code, then the variable, then the file named by `NAME_FILE`."""
        return init_settings, env_settings, _FilesNamedInTheEnvironment(settings_cls)

    @classmethod
    def from_environment(cls, defaults: Mapping[str, str] | None = None, **values: Any) -> Self:
        """Read and check every field; raises InvalidSetting naming each invalid variable.

        `values` precede variables. `defaults`, by the names of fields, are for those that nothing else sets.
        """
        try:
            settings = cls(**values)
            unset = {name: text for name, text in (defaults or {}).items() if name not in settings.model_fields_set}
            return cls(**values, **unset) if unset else settings
        except ValidationError as error:
            sentences = [_sentence(each["loc"], each["type"], each["msg"]) for each in error.errors()]
            raise InvalidSetting("; ".join(sentences)) from None


def accepted_by(check: Callable[[str], object]) -> AfterValidator:
    """A validator of a text: `check` raises ValueError or one of our exceptions if the text is invalid."""

    def validate(text: str) -> str:
        try:
            check(text)
        except ChangeoverError as error:
            raise ValueError(str(error)) from None
        return text

    return AfterValidator(validate)


def misspelt_settings(*kinds: type[Settings]) -> dict[str, str]:
    """The variables of the environment that are almost a setting of `kinds`, each with the setting that it means."""
    return misspelt(os.environ, {name for kind in kinds for name in kind.model_fields})


class SecretFile:
    """The file named by `NAME_FILE`, read again after each change: rotating a secret needs no restart.

    `read` returns None without such a file, when the variable `NAME` holds the secret. While the file is empty or
    missing, as during a rotation, its last content stays valid. Thread-safe.
    """

    def __init__(self, name: str) -> None:
        path = os.environ.get(f"{name.upper()}_FILE")
        self._path = Path(path) if path and not os.environ.get(name.upper()) else None
        self._last: tuple[tuple[int, int, int], str] | None = None  # mark of the file, and its content

    def read(self) -> str | None:
        """The newest content, less its last newline."""
        if self._path is None:
            return None
        last = self._last
        try:
            state = self._path.stat()
            mark = (state.st_mtime_ns, state.st_ino, state.st_size)
            if last is not None and last[0] == mark:
                return last[1]
            content = self._path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            content = ""
        if content:
            self._last = last = (mark, content)
        return last[1] if last else None


def variables_of_platform(*names: str) -> dict[str, str]:
    """Those of the variables `names` that the platform of a container has set, which are no settings of ours."""
    return {name: value for name in names if (value := os.environ.get(name))}


def tell_libraries(*, override: bool = False, **variables: str) -> None:
    """Set environment variables that libraries read at import; existing ones stay unless `override`."""
    for name, value in variables.items():
        if override or name not in os.environ:
            os.environ[name] = value


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0]).upper() if location else "the environment"
    if kind == "missing":
        return f"{name} is not set: set it, or {name}_FILE to a file that holds it"
    return f"{name}: {message.removeprefix('Value error, ')}"
