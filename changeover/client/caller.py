"""The caller in its own words: the user and the machine, for the ledger and for manifests."""

import getpass
import socket

from changeover.json_types import JsonObject


def provenance(reason: str) -> JsonObject:
    """The user and the reason of a rollout, for the ledger."""
    user = user_here()  # earlier releases of model_server read it as `by`
    return {"by": user, "on_behalf_of": user, **({"reason": reason} if reason else {})}


def user_here() -> str:
    """The user and the machine that this process runs as and on."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user id without a name
        return socket.gethostname()
