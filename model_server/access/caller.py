"""The caller of a request: its name in the ledger, its role, and how it proved both."""

from dataclasses import dataclass
from enum import Enum

from changeover.protocol.roles import Role


class Via(Enum):
    """How a caller proved its name. A browser sends SESSION and PROXY by itself, also for pages of other origins."""

    TOKEN = "token"  # noqa: S105 a kind of proof, no token
    SESSION = "session"
    PROXY = "proxy"
    REPORT = "report"  # the report token of replicas
    NOTHING = "nothing"  # a read without a token, by ALLOW_ANONYMOUS_READS


@dataclass(frozen=True)
class Caller:
    """The caller of a request. `role` is None for a replica, and for a name that the proxy knows and no setting does.

    `models` are the only ones that it may use, empty for all.
    """

    name: str
    role: Role | None
    via: Via = Via.TOKEN
    models: frozenset[str] = frozenset()

    def may(self, role: Role) -> bool:
        """Whether the caller has `role`, or one that includes it."""
        return self.role is not None and self.role.includes(role)

    def may_use(self, model: str) -> bool:
        """Whether the caller may use a model, as far as its role permits the call."""
        return not self.models or model in self.models

    @property
    def by_browser(self) -> bool:
        """Whether a page of another origin could have made the browser send this request."""
        return self.via in {Via.SESSION, Via.PROXY}


REPLICA = Caller("replica", None, Via.REPORT)
ANONYMOUS = Caller("anonymous", Role.READ, Via.NOTHING)
