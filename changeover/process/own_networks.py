"""Networks of a setting, such as `REPLICA_NETWORKS`: a host name of this server stands for the network it is on.

Docker chooses the address range of each network. Only the name that this server has on the network is fixed. The name
is resolved once, at start, before the server accepts requests. A name without a network is an error: the server would
otherwise trust no network, or accept admin calls from replicas, and no log line would show it.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path

from changeover.exceptions import InvalidSetting

_ROUTES = Path("/proc/net/route")


def with_names_replaced(networks: str, setting: str) -> str:
    """The `networks` of `setting` (comma separated) as CIDRs only; raises InvalidSetting for a part that is neither."""
    return ",".join(_cidr(part.strip(), setting) for part in networks.split(",") if part.strip())


class Networks:
    """A set of networks, from CIDRs separated by commas; an empty set contains no address."""

    def __init__(self, cidrs: str) -> None:
        self._networks = [ip_network(text.strip()) for text in cidrs.split(",") if text.strip()]

    def contain(self, address: str | None) -> bool:
        """Whether `address`, that of a caller, is in one of them."""
        if not self._networks or not address:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def on_link(route_table: str) -> list[IPv4Network]:
    """The networks of this machine that need no gateway, from the content of /proc/net/route (Linux)."""
    networks = []
    for line in route_table.splitlines()[1:]:
        _, destination, gateway, *_, mask, _, _, _ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            networks.append(IPv4Network((_address(destination), str(_address(mask)))))
    return networks


def networks_of(addresses: Iterable[IPv4Address], known: Iterable[IPv4Network]) -> list[IPv4Network]:
    """The networks of `known` that contain one of `addresses`."""
    mine = list(addresses)
    return [network for network in known if any(address in network for address in mine)]


def _address(little_endian: str) -> IPv4Address:
    """An address from the kernel's hexadecimal form, in the machine's byte order: little-endian on x86-64 and arm64."""
    return IPv4Address(bytes.fromhex(little_endian)[::-1])


def _cidr(part: str, setting: str) -> str:
    try:
        return str(ip_network(part))
    except ValueError as error:
        if "/" in part:
            raise InvalidSetting(f"{setting}: {error}") from None
    try:
        answers = socket.getaddrinfo(part, None, socket.AF_INET, socket.SOCK_STREAM)
        known = on_link(_ROUTES.read_text(encoding="ascii"))
    except OSError as error:
        raise InvalidSetting(f"{setting}: {part!r} is neither a CIDR nor a name of this server: {error}") from error
    networks = networks_of((IPv4Address(answer[4][0]) for answer in answers), known)
    if not networks:
        raise InvalidSetting(f"{setting}: {part!r} is not a name of this server on any network it is on")
    return ",".join(str(network) for network in networks)
