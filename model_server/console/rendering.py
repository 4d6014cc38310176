"""The rendering of pages: Jinja with autoescape, and text whose control characters are shown as escapes."""

import gzip
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from changeover import __version__
from changeover.names import short
from changeover.process.visible import dumps, visible
from model_server.console import words
from model_server.console.assets import address
from model_server.console.charts import bars_of
from model_server.console.parts import Page

_GZIP_LEVEL: Final = 5  # 1 ms for a page of 60 kB


def _shown(value: Any) -> Any:
    """A string of a caller with its control characters escaped; Jinja escapes the rest."""
    return visible(value) if type(value) is str else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("model_server.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "short": short,
        "bars": bars_of,
        "percent": words.percent,
        "age": words.age,
        "duration": words.duration,
        "bytes": words.size,
        "number": words.number,
        "clock": words.clock_time,
        "json": dumps,
        "visible": lambda value: visible(str(value)),
    }
    environment.globals |= {"plural": words.plural, "asset": address, "release": __version__}
    return environment


_ENVIRONMENT: Final = _environment()


def render(template: str, page: Page, **more: object) -> str:
    """The HTML of a page: `page` is its data, `more` the reader and what else the frame shows."""
    return _ENVIRONMENT.get_template(template).render(page=page, **more)


def compressed(body: bytes) -> bytes:
    """A body as gzip, always the same for the same body."""
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)
