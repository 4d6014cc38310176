"""Command line of the simulation: `python -m tests.simulation --seed N` replays a seed and prints broken promises."""

import argparse
import sys
import time

from changeover.consistency.records import write
from tests.simulation.broken import BUILDS, broken, harder
from tests.simulation.fleet import Fleet
from tests.simulation.schedules import plan_of
from tests.simulation.server import CHANGED, CHECK, REPORT
from tests.simulation.world import World


def main() -> int:
    """Replay `--count` seeds from `--seed` on; 1 if any breaks a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=1, help="how many seeds, from this one on")
    parser.add_argument("--broken", choices=sorted(BUILDS), help="a build that is broken on purpose")
    parser.add_argument("--harder", choices=sorted(BUILDS), help="the worlds of that build, with the product as it is")
    parser.add_argument("--trace", action="store_true", help="print everything that happened, in the order of time")
    parser.add_argument("--fleet", type=int, help="run the story of a fleet of so many replicas")
    options = parser.parse_args()
    if options.fleet:
        return tell_of_fleet(options.fleet, options.seed, options.broken)
    began, failed = time.process_time(), 0
    for seed in range(options.seed, options.seed + options.count):
        world = World(seed, harder(options.harder or options.broken, plan_of(seed)))
        with broken(options.broken):
            world.run()
        if options.trace:
            trace(world)
        violations = world.violations()
        failed += bool(violations)
        for violation in violations[:3]:
            print(f"seed {seed}: {violation.at:.6f} {violation.promise}: {violation.message}")
    took = time.process_time() - began
    print(
        f"{failed} of {options.count} histories broke a promise; {options.count / took * 60:.0f} histories a minute of processor time"
    )
    return min(failed, 1)


def tell_of_fleet(replicas: int, seed: int, build: str | None) -> int:
    """Run the story of a fleet, and print its rolls, the calls of each second and the broken promises."""
    began, fleet = time.process_time(), Fleet(replicas, seed)
    with broken(build):
        fleet.run()
    for roll in fleet.rolls:
        ready = f"last replica ready at {roll.last_ready:.2f} s"
        print(f"roll at {roll.began:.2f} s: {ready}, all switched {roll.seconds_after_ready:.2f} s later")
    kinds = (CHECK, CHANGED, REPORT)
    print(f"{'second':>6}" + "".join(f"{kind:>18}" for kind in kinds))
    for second, calls in fleet.traffic().items():
        print(f"{second:>6}" + "".join(f"{calls[kind]:>18}" for kind in kinds))
    violations = fleet.world.violations()
    print(f"{len(violations)} broken promises; {time.process_time() - began:.1f} s of processor time")
    for violation in violations[:5]:
        print(f"{violation.at:.6f} {violation.promise}: {violation.message}")
    return min(len(violations), 1)


def trace(world: World) -> None:
    """Print the plan, then notes and records by the time of their end."""
    print(world.plan)
    lines = list(world.notes)
    for record in world.history.records():
        end = getattr(record, "end", getattr(record, "at", 0.0))
        lines.append((end, next(iter(write([record]))).strip()))
    for at, text in sorted(lines):
        print(f"{at:.6f} {text}")


if __name__ == "__main__":
    sys.exit(main())
