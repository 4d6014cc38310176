"""Command line of the comparison with other servers: `python -m benchmarks.peers`, see README.md."""

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers.comparison import Comparison
from benchmarks.peers.load import generator
from benchmarks.peers.models import MODELS
from benchmarks.peers.peer import Peer
from benchmarks.peers.roster import PEERS
from benchmarks.peers.rounds import Measured, measure
from benchmarks.peers.table import table


def of_one_model(comparison: Comparison, model: str, peers: list[Peer], rounds: int, seconds: float) -> list[Measured]:
    """Start all peers with one model, measure them in turns, and end them."""
    with ExitStack() as running:
        servers = []
        for peer in peers:
            if served := comparison.start(peer, model):
                running.callback(served.serving.stop)
                servers.append(served)
        return measure(model, servers, rounds, seconds)


def main() -> int:
    """Set up the peers, measure them, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".peers"), help="environments, models and logs (.peers)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    names = [peer.key for peer in PEERS]
    parser.add_argument("--peers", nargs="+", choices=names, default=names, help="hello is always among them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a turn over 32 connections, and over one (4)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of each server (2)")
    parser.add_argument(
        "--python", default=sys.executable, help="the interpreter of the peers' environments (this one)"
    )
    parser.add_argument("--quick", action="store_true", help="one round of 2 s: a check that every server runs")
    parser.add_argument("--setup-only", action="store_true", help="make the environments and train, measure nothing")
    options = parser.parse_args()
    rounds, seconds = (1, 2.0) if options.quick else (options.rounds, options.seconds)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended
    comparison = Comparison(options.home.resolve(), options.workers, options.python)
    peers = [peer for peer in PEERS if peer.key in {"hello", *options.peers}]
    comparison.prepare(peers)
    for model in options.models:
        comparison.files(model)
    if options.setup_only:
        for where, why in comparison.absent.items():
            print(f"cannot be set up: {where}: {why}")
        return 1 if comparison.absent else 0
    measured = [of_one_model(comparison, model, peers, rounds, seconds) for model in options.models]
    print(table(measured, comparison, rounds, seconds, generator()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
