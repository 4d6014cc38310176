"""The translation of errors of the S3 client and of HTTP into our exceptions.

A message never shows the URL of a request: a presigned URL is a credential.
"""

import email.utils
from datetime import UTC, datetime
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from object_store.causes import Where, cause, unavailable
from object_store.exceptions import InvalidKey, StoreError

# exceptions of the S3 client; it raises ValueError for an invalid key
CLIENT_ERRORS = (MinioException, HTTPError, OSError, ParseError, ValueError)


def refusal(response: BaseHTTPResponse) -> MinioException:
    """The S3 client's exception for a response to a request that was sent without it."""
    if response.data.lstrip().startswith(b"<"):
        return S3Error.fromxml(response)
    return ServerError(f"HTTP {response.status}", response.status)


def named(error: BaseException) -> str:
    """The error's text without the URL of the request: a presigned URL is a credential."""
    return f"{type(error).__name__}: {error.args[-1]}" if error.args and "?" not in str(error) else type(error).__name__


def fault_of(where: Where, error: Exception) -> StoreError:
    """Translate an error of the S3 client into a StoreError."""
    if isinstance(error, S3Error):
        return cause(where, error.response.status, error.code, _skew(error.response))
    if isinstance(error, ServerError):
        return cause(where, error.status_code, None, None)
    if isinstance(error, InvalidResponseError | ParseError | UnicodeDecodeError):
        return unavailable(where, "what answered there is no S3 store")
    if isinstance(error, ValueError) and not isinstance(error, HTTPError):
        return InvalidKey(f"{where}: {error}")
    return unavailable(where, named(error))


def _skew(response: BaseHTTPResponse) -> float | None:
    date = email.utils.parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else None
    return (date.astimezone(UTC) - datetime.now(UTC)).total_seconds() if date else None
