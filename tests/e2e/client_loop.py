"""Client threads that send the same request in a loop while a test works on the stack, and keep every answer."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import requests

from changeover.protocol.wire import MODEL_VERSION

_PAUSE = 0.005  # seconds; without it the clients would take the CPU from the stack


class ClientLoop:
    """`with ClientLoop(url, body) as clients:` a few threads send `body`, each again soon after its answer.

    With `others`, a request that cannot connect to `url`, or whose connection is closed without an answer, goes to the
    next of them, as the gateway sends it to another replica.
    """

    def __init__(self, url: str, body: bytes, clients: int = 4, others: Sequence[str] = ()) -> None:
        self._urls, self._body = [url, *others], body
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, name=f"client-{number}") for number in range(clients)]
        self.failed: list[str] = []
        self.answered: Counter[str] = Counter()
        self.order: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def after(self, more: int) -> Callable[[], bool]:
        """A condition: at least `more` answers have come since this call."""
        goal = sum(self.answered.values()) + more
        return lambda: sum(self.answered.values()) >= goal or bool(self.failed)

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self._over.wait(_PAUSE):
                try:
                    answer = self._answer(session)
                except requests.RequestException as error:
                    with self._lock:
                        self.failed.append(repr(error))
                    continue
                with self._lock:
                    if answer.status_code == 200:
                        self.answered[answer.headers[MODEL_VERSION]] += 1
                        self.order.append(answer.headers[MODEL_VERSION])
                    else:
                        self.failed.append(f"{answer.status_code} {answer.text[:200]}")

    def _answer(self, session: requests.Session) -> requests.Response:
        headers = {"Content-Type": "application/json"}
        for url in self._urls[:-1]:
            with contextlib.suppress(requests.ConnectionError):
                return session.post(url, data=self._body, headers=headers, timeout=20)
        return session.post(self._urls[-1], data=self._body, headers=headers, timeout=20)
