"""The environment of each process of `changeover up`: of the caller's variables, those that the process needs.

A shell holds secrets of other programs, and `/proc/PID/environ` or a crash report of a service would show them.
"""

from collections.abc import Mapping
from typing import Final

from changeover.process.misspelt import misspelt

# The settings that a user may set; `tests/unit/up/test_environment.py` compares them with the settings classes.
_BOTH: Final = """
    ADMISSION_MEMORY_BYTES ADMISSION_TIMEOUT ALLOWED_GLOBALS ALLOWED_HOSTS DEFAULT_MODEL ENVIRONMENTS_DIR LOG_LEVEL
    MAX_COLUMNS MODEL_SHA256 REQUIRE_CONFINEMENT RUNTIME TLS_CA TLS_CERT TLS_CLIENT_CA TLS_KEY TRUSTED_PROXIES
"""
_MODEL_SERVER: Final = """
    ALLOW_ANONYMOUS_READS ALLOW_SCHEMA_CHANGE BUCKET GATE INCOMING_POLL LEASE_MS MAX_MODEL_BYTES MODEL_URI PREDICT_URL
    PREPARE_TIMEOUT PROXY_ROLES PUBLISH_TOKEN_NAME REHEARSE REPLICA_NETWORKS ROLL_INCOMING SERVER_THREADS STORE_TIMEOUT
    TOKENS_FILE WEBHOOK_FORMAT WEBHOOK_SECRET WEBHOOK_URLS
"""
_PREDICT_API: Final = """
    BODY_SECONDS CHECK_DEADLINE_MS CORS_ORIGINS DIALECTS DRAIN_SECONDS GZIP_BODIES HEALTH_ROUTE IDLE_SECONDS KEYS_FILE
    MAX_BODY_BYTES MAX_ROWS MODELS MODEL_FILE PREDICT_ROUTE QUEUE_SECONDS ROOT_PATH RUNNER_MEMORY_BYTES RUNNER_THREADS
    SCORE_TIMEOUT START_TIMEOUT THREADS
"""
SETTINGS: Final = {
    "store": frozenset[str](),
    "model_server": frozenset((_BOTH + _MODEL_SERVER).split()),
    "predict_api": frozenset((_BOTH + _PREDICT_API).split()),
}
# What `up` itself sets for a service, or never passes on: the addresses and secrets of the stack.
OF_THE_STACK: Final = frozenset(
    """
    AWS_ACCESS_KEY_ID AWS_CA_BUNDLE AWS_ENDPOINT_URL_S3 AWS_REGION AWS_SECRET_ACCESS_KEY CACHE_DIR CREATE_BUCKET MODEL_SERVER_URL
    PREDICT_HOST PREDICT_PORT PUBLISH_TOKEN REPORT_TOKEN SERVER_HOST SERVER_PORT SPOOL_DIR WORKERS
    """.split()  # noqa: SIM905 a list of words reads as one
)

_SYSTEM: Final = frozenset(
    """
    HOME LANG LANGUAGE LOGNAME PATH SHELL TEMP TMP TMPDIR TZ USER
    CURL_CA_BUNDLE REQUESTS_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE
    ALL_PROXY HTTPS_PROXY HTTP_PROXY NO_PROXY
    """.split()  # noqa: SIM905
)
# Of the interpreter and its loader, of the numerical libraries, of tracing, and of a measurement of coverage.
_PREFIXES: Final = (
    "LC_",
    "PYTHON",
    "LD_",
    "DYLD_",
    "MALLOC_",
    "OMP_",
    "OPENBLAS_",
    "MKL_",
    "OTEL_",
    "COVERAGE_",
    "COV_CORE_",
)


def needed(service: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables of `inherited` that a process of `service` gets.

    These are its settings and their `NAME_FILE`, variables that almost have the name of one (the service warns of
    them), and what the interpreter and the libraries read.
    """
    settings = SETTINGS[service]
    own = settings | {f"{name}_FILE" for name in settings}
    kept = {
        name: value
        for name, value in inherited.items()
        if name.upper() in own or name.upper() in _SYSTEM or name.startswith(_PREFIXES)
    }
    others = [name for name in inherited if name not in kept and not _is_hidden(name)]
    return kept | {name: inherited[name] for name in misspelt(others, settings)}


def _is_hidden(name: str) -> bool:
    """Whether a variable is never passed on, however near to a setting its name is."""
    upper = name.upper()
    return upper.startswith(("AWS_", "CHANGEOVER_")) or upper.removesuffix("_FILE") in OF_THE_STACK
