"""The networks that a setting names: those of replicas, and of trusted proxies."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from changeover.exceptions import InvalidSetting
from changeover.process.own_networks import Networks, networks_of, on_link, with_names_replaced

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t010014AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000013AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t000014AC\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
eth1\t0000A8C0\t020014AC\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_the_networks_this_server_is_on_are_those_without_a_gateway() -> None:
    assert on_link(ROUTES) == [IPv4Network("172.19.0.0/16"), IPv4Network("172.20.0.0/20")]


def test_an_address_names_its_network_and_no_other() -> None:
    assert networks_of([IPv4Address("172.19.0.5")], on_link(ROUTES)) == [IPv4Network("172.19.0.0/16")]
    assert networks_of([IPv4Address("192.168.0.9")], on_link(ROUTES)) == []


def test_cidrs_stay_as_they_are() -> None:
    assert with_names_replaced(" 10.0.0.0/8, fd00::/8 ,", "X") == "10.0.0.0/8,fd00::/8"
    assert with_names_replaced("", "X") == ""


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0.0/99", "no-such-name.invalid"])
def test_what_names_no_network_stops_the_start(wrong: str) -> None:
    with pytest.raises(InvalidSetting, match="REPLICA_NETWORKS"):
        with_names_replaced(wrong, "REPLICA_NETWORKS")


def test_networks_contain_the_addresses_in_them_and_nothing_that_is_no_address() -> None:
    networks = Networks("10.0.0.0/8, fd00::/8")
    assert networks.contain("10.1.2.3")
    assert networks.contain("fd00::5")
    for other in ("11.0.0.1", "::1", "gateway", "", None):
        assert not networks.contain(other)
    assert not Networks("").contain("10.1.2.3")
