"""The library shared by both services and their users: manifest, hash check, client and command line.

`changeover.publish(model, "loan", example=X)` publishes from a notebook; `changeover.Client` does everything else,
`changeover.evaluated_on(frame)` gives the digest of held-out data. Each is imported at its first use, so
`import changeover` loads neither numpy nor scikit-learn.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from changeover.client.client import Client
    from changeover.client.evaluation import evaluated_on
    from changeover.client.notebook import publish

__version__ = "0.1.0"
__all__ = ["Client", "__version__", "evaluated_on", "publish"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from changeover.client.client import Client

        return Client
    if name == "publish":
        from changeover.client.notebook import publish

        return publish
    if name == "evaluated_on":
        from changeover.client.evaluation import evaluated_on

        return evaluated_on
    raise AttributeError(f"module 'changeover' has no attribute {name!r}")
