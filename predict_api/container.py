"""The defaults of predict_api in a container of a platform: the argument `serve`, and the variables of Vertex AI.

SageMaker starts an image as `docker run IMAGE serve`, with the artifact in /opt/ml/model and port 8080. Vertex AI sets
AIP_HTTP_PORT, AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from changeover.exceptions import InvalidSetting

ARGUMENT: Final = "serve"
PORT: Final = "AIP_HTTP_PORT"
VERTEX: Final = {PORT: "predict_port", "AIP_HEALTH_ROUTE": "health_route", "AIP_PREDICT_ROUTE": "predict_route"}
# the platform's own network reaches the container, by names that it chooses
_SERVE: Final = {
    "predict_host": "0.0.0.0",  # noqa: S104  # nosec B104
    "predict_port": "8080",
    "allowed_hosts": "*",
    "model_file": "/opt/ml/model",
}


def defaults(arguments: Sequence[str], platform: Mapping[str, str]) -> dict[str, str]:
    """The defaults of settings, by their fields; `platform` has the variables of `VERTEX` that are set.

    Raises InvalidSetting for other arguments than `serve`.
    """
    if list(arguments) not in ([], [ARGUMENT]):
        raise InvalidSetting(f"the arguments {list(arguments)} are not known: give none, or `{ARGUMENT}`")
    if PORT in platform:
        return {**_SERVE, **{VERTEX[name]: value for name, value in platform.items()}}
    return dict(_SERVE) if arguments else {}
