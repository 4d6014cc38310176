"""The escaping of control characters in text for a terminal or a log.

Strings from a bucket, a report or a request may hold ESC and C1 controls, line ends that forge a log line, and marks
that change the reading direction.
"""

import json
import re
from typing import Final

_AFTER_ASCII: Final = (
    "\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_ACTING: Final = re.compile(f"[\x00-\x1f{_AFTER_ASCII}]")
_ACTING_IN_JSON: Final = re.compile(f"[{_AFTER_ASCII}]")  # JSON itself escapes the ones below U+0020
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, keep: str = "") -> str:
    r"""`text` with every acting character as an escape (`\x1b`, `\n`, `\u202e`), except those in `keep`."""
    return _ACTING.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def dumps(body: object, **options: object) -> str:
    """`body` as JSON with every control character escaped; `options` are those of `json.dumps`."""
    text = json.dumps(body, ensure_ascii=False, **options)  # type: ignore[arg-type]  # the options of json.dumps
    return _ACTING_IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], text)


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
