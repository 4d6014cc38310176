"""Which networks replicas call from, where `REPLICA_NETWORKS` names one by a name of this server instead of a CIDR.

Carries "predict_api reaches ... no admin call" of the design. Docker gives each network a range of its own choice; what
is fixed is the name that this server has on it. The name is looked up once, at start, before anything is answered; a
network that cannot be found is an error, for a gate that is open by mistake says nothing.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path

from changeover.exceptions import InvalidSetting

_ROUTES = Path("/proc/net/route")


def with_names_replaced(networks: str) -> str:
    """`REPLICA_NETWORKS` (comma separated) as CIDRs only; raises InvalidSetting naming the part that is neither."""
    return ",".join(_cidr(part.strip()) for part in networks.split(",") if part.strip())


def on_link(route_table: str) -> list[IPv4Network]:
    """The networks that this machine is on, from the text of Linux' /proc/net/route: those reached without a gateway."""
    found = []
    for line in route_table.splitlines()[1:]:
        _, destination, gateway, *_, mask, _, _, _ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            found.append(IPv4Network((_address(destination), str(_address(mask)))))
    return found


def networks_of(addresses: Iterable[IPv4Address], known: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Those of the networks `known` that hold one of `addresses`."""
    mine = list(addresses)
    return [network for network in known if any(address in network for address in mine)]


def _address(little_endian: str) -> IPv4Address:
    """An address as the kernel writes it there: hexadecimal, in the byte order of the machine (little on all we run on)."""
    return IPv4Address(bytes.fromhex(little_endian)[::-1])


def _cidr(part: str) -> str:
    try:
        return str(ip_network(part))
    except ValueError as error:
        if "/" in part:
            raise InvalidSetting(f"REPLICA_NETWORKS: {error}") from None
    try:
        answers = socket.getaddrinfo(part, None, socket.AF_INET, socket.SOCK_STREAM)
        known = on_link(_ROUTES.read_text(encoding="ascii"))
    except OSError as error:
        raise InvalidSetting(
            f"REPLICA_NETWORKS: {part!r} is neither a CIDR nor a name of this server: {error}"
        ) from error
    found = networks_of((IPv4Address(answer[4][0]) for answer in answers), known)
    if not found:
        raise InvalidSetting(f"REPLICA_NETWORKS: {part!r} is not a name of this server on any network it is on")
    return ",".join(str(network) for network in found)
