"""The load test of the segmentation example, for Locust: ten users send both bodies, 1,000 requests a minute together.

`make load` runs it. Against another stack, with the Locust of `requirements.txt` beside this file:
`locust -f examples/load/locustfile.py --headless --users 10 --spawn-rate 10 --run-time 60s --host http://127.0.0.1:5000`.
`API_KEY` in the environment is sent as X-API-Key.
"""

import os
from pathlib import Path

from locust import FastHttpUser, constant_throughput, events, task

DATA = Path(__file__).resolve().parents[2] / "changeover" / "demo" / "data"
SINGLE, BATCH = ((DATA / f"segmentation_{name}.json").read_bytes() for name in ("single", "batch"))
HEADERS = {"Content-Type": "application/json"}
if key := os.environ.get("API_KEY"):
    HEADERS["X-API-Key"] = key


@events.init_command_line_parser.add_listener
def add_options(parser) -> None:
    parser.add_argument("--per-minute", type=int, default=1000, help="requests that all users ask; 0: without pauses")


class Customer(FastHttpUser):
    """A user that sends one row or the batch, and waits so long that all users together keep the rate."""

    def on_start(self) -> None:
        """Divide the rate among the users."""
        options = self.environment.parsed_options
        per_second = options.per_minute / 60 / options.num_users
        self._pause = constant_throughput(per_second) if per_second else lambda _user: 0

    def wait_time(self) -> float:
        """Seconds until the next request."""
        return self._pause(self)

    @task
    def one_row(self) -> None:
        """One row of a hundred columns."""
        self._ask("one row", SINGLE, "prediction")

    @task
    def batch(self) -> None:
        """Four rows."""
        self._ask("batch", BATCH, "predictions")

    def _ask(self, name: str, body: bytes, member: str) -> None:
        with self.client.post("/predict", data=body, headers=HEADERS, name=name, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif member not in response.json():
                response.failure(f"the answer has no {member}")


@events.quitting.add_listener
def show(environment, **_: object) -> None:
    """Print what was reached."""
    total, options = environment.stats.total, environment.parsed_options
    seconds = max(1e-9, total.last_request_timestamp - total.start_time) if total.num_requests else 1.0
    asked = f"{options.per_minute:,} requests a minute" if options.per_minute else "as many requests as they could"
    p50, p95, p99 = (total.get_response_time_percentile(part) for part in (0.5, 0.95, 0.99))
    print(
        f"{options.num_users} users asked {asked}: {total.num_requests / seconds * 60:,.0f} a minute were answered "
        f"over {seconds:.0f} s, {total.num_failures} failed, p50 {p50:g} ms, p95 {p95:g} ms, p99 {p99:g} ms"
    )
