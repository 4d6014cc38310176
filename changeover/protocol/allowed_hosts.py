"""The allow-list of `Host` names of a service: a defence against DNS rebinding.

A browser lets a web page read from the page's own host name. An attacker can point that name at 127.0.0.1, and the
browser then sends the page's requests here, with the attacker's name in `Host`. So an unknown name is refused. Loopback
names are always allowed, as no attacker can own them. `X-Forwarded-Host` is ignored, as a page can send it.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

# RFC 9110, 7.2 and RFC 3986, 3.2.2; underscores, because Docker's service names have them
_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,255}))(?::[0-9]{1,5})?")
_NAME: Final = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*")
LOOPBACK: Final = "127.0.0.1"
_MOST_REMEMBERED: Final = 1000
_Address = IPv4Address | IPv6Address


class AllowedHosts:
    """The check of a request's Host header; loopback names are always allowed.

    `listed` is ALLOWED_HOSTS: names, addresses, networks such as `10.42.0.0/16`, `.example.org` for a domain and all
    names below it, `*` for any name; separated by commas. `bound` is the address that the service binds: it is allowed
    too, unless it means all addresses. Raises ValueError for an entry that is none of these.
    """

    def __init__(self, listed: str, bound: str) -> None:
        self._names = {"localhost"}
        self._networks: list[IPv4Network | IPv6Network] = [ip_network("127.0.0.0/8"), ip_network("::1")]
        self._any = False
        for entry in listed.split(","):
            if entry.strip():
                self._add(entry.strip().lower().removesuffix("."))
        address = _address(bound)
        if address is not None and not address.is_unspecified:
            self._networks.append(ip_network(address))
        if address is None:
            self._names.add(bound.lower().removesuffix("."))
        self._remembered: set[str] = set()

    @property
    def remembered(self) -> int:
        """The number of Host values cached as allowed."""
        return len(self._remembered)

    def allow(self, host: str | None) -> bool:
        """Whether a request with this Host header is allowed; a missing header is, as every browser sends one."""
        if host in self._remembered or not host or self._any:
            return True
        allowed = self._decide(host)
        if allowed and len(self._remembered) < _MOST_REMEMBERED:
            self._remembered.add(host)
        return allowed

    def _add(self, entry: str) -> None:
        if entry == "*":
            self._any = True
            return
        bare = entry[1:-1] if entry.startswith("[") and entry.endswith("]") else entry
        try:
            self._networks.append(ip_network(bare))
            return
        except ValueError:
            pass
        if not _NAME.fullmatch(entry):
            raise ValueError(f"{entry!r} is no host name, address or network; a port and a scheme do not belong to it")
        self._names.add(entry)

    def _decide(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"]
        address = _address(match["v6"] or name)
        if address is not None:
            return any(address in network for network in self._networks)
        if name is None:
            return False
        name = name.lower().removesuffix(".")
        return name in self._names or any(
            listed.startswith(".") and f".{name}".endswith(listed) for listed in self._names
        )


def _address(text: str) -> _Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
