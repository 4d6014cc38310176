"""The processes of a stack and their environments: each child gets only the secrets and settings it needs.

predict_api gets no store credentials. The inherited environment is passed in as a mapping.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from changeover.up.environment import needed
from changeover.up.secrets import Secrets

STORE: Final = "store"
MODEL_SERVER: Final = "model_server"
PREDICT_API: Final = "predict_api"
SERVICES: Final = (STORE, MODEL_SERVER, PREDICT_API)

_LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The port of each service on the loopback interface; `predict` has one an instance."""

    store: int
    server: int
    predict: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """One process of the stack: `name` is unique (`predict_api-1`), `url` is its address."""

    service: str
    name: str
    module: tuple[str, ...]
    environment: dict[str, str]
    url: str


def plan(home: Path, ports: Ports, workers: int, secrets: Secrets, inherited: Mapping[str, str]) -> list[Part]:
    """The store, model_server and each instance of predict_api, in the order in which they are started."""
    common = {"PYTHONUNBUFFERED": "1"}
    environments = {"ENVIRONMENTS_DIR": inherited.get("ENVIRONMENTS_DIR") or str(home / "environments")}
    of_server = needed(MODEL_SERVER, inherited) | common | environments
    of_predict = needed(PREDICT_API, inherited) | common | environments
    secured = bool(inherited.get("TLS_CERT"))
    store_url, server_url = _url(ports.store), _url(ports.server, secured)
    keys = {"AWS_ACCESS_KEY_ID": secrets.access_key, "AWS_SECRET_ACCESS_KEY": secrets.secret_key}
    store = Part(
        STORE,
        STORE,
        ("object_store.embedded", "--dir", str(home / "store"), "--port", str(ports.store)),
        {**needed(STORE, inherited), **common, **keys},
        store_url,
    )
    server = {
        "SERVER_HOST": _LOOPBACK,
        "SERVER_PORT": str(ports.server),
        "AWS_ENDPOINT_URL_S3": store_url,
        "AWS_REGION": "us-east-1",
        "CREATE_BUCKET": "true",
        "PUBLISH_TOKEN": secrets.publish_token,
        "PUBLISH_TOKEN_NAME": of_server.get("PUBLISH_TOKEN_NAME")
        or "publish-token",  # it counts beside TOKENS_FILE, too
        "REPORT_TOKEN": secrets.report_token,
        "SPOOL_DIR": str(home / "spool"),
        "PREDICT_URL": of_server.get("PREDICT_URL") or _url(ports.predict[0], secured),
    }
    parts = [store, Part(MODEL_SERVER, MODEL_SERVER, ("model_server",), {**of_server, **keys, **server}, server_url)]
    for index, port in enumerate(ports.predict):
        predict = {
            "DRAIN_SECONDS": of_predict.get("DRAIN_SECONDS", "0"),  # no load balancer is in front here
            "PREDICT_HOST": _LOOPBACK,
            "PREDICT_PORT": str(port),
            "WORKERS": str(workers),
            "MODEL_SERVER_URL": server_url,
            "REPORT_TOKEN": secrets.report_token,
            "CACHE_DIR": str(home / "cache" / str(index)),
        }
        name = PREDICT_API if len(ports.predict) == 1 else f"{PREDICT_API}-{index}"
        parts.append(Part(PREDICT_API, name, ("predict_api",), {**of_predict, **predict}, _url(port, secured)))
    return parts


def _url(port: int, secured: bool = False) -> str:
    return f"{'https' if secured else 'http'}://{_LOOPBACK}:{port}"
