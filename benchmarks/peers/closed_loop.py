"""Load generator in place of wrk: one thread with many connections; its output is that of `post.lua`.

python closed_loop.py URL BODY_FILE CONNECTIONS SECONDS [HEADER VALUE ...]
"""

import json
import re
import selectors
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Connection:
    """A connection that always has one request under way; it is opened again when the server closes it."""

    def __init__(self, address: tuple[str, int], request: bytes, ready: selectors.BaseSelector) -> None:
        self._address, self._request, self._ready = address, request, ready
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(self._address, 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ready.register(self.socket, selectors.EVENT_READ, self)
        self.ask()

    def ask(self) -> None:
        """Send the request."""
        self.answer, self.start = b"", time.perf_counter()
        self.socket.sendall(self._request)

    def again(self) -> None:
        """Replace the connection by a new one."""
        self._ready.unregister(self.socket)
        self.socket.close()
        self._open()

    def read(self) -> int | None:
        """The status if the response is complete, 0 if the connection broke, None if more bytes must come."""
        piece = self.socket.recv(65536)
        self.answer += piece
        head, end, rest = self.answer.partition(b"\r\n\r\n")
        status = int(head[9:12]) if end else 0
        length = LENGTH.search(head)
        if end and ((length and len(rest) >= int(length[1])) or (not length and rest.endswith(b"0\r\n\r\n"))):
            return status
        return None if piece else (status if end and not length else 0)


def main() -> None:
    """Send requests until the time is over, and print the numbers."""
    url, body, connections, seconds, *more = sys.argv[1:]
    parts, content, took = urlsplit(url), Path(body).read_bytes(), []
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in zip(more[::2], more[1::2], strict=True))
    request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    refused = failed = 0
    ready = selectors.DefaultSelector()
    begin = time.perf_counter()
    for _ in range(int(connections)):
        Connection((parts.hostname or "127.0.0.1", parts.port or 80), request, ready)
    while (now := time.perf_counter()) < begin + float(seconds):
        for key, _ in ready.select(1.0):
            one: Connection = key.data
            try:
                status = one.read()
                if status is None:
                    continue
                if status:
                    took.append(time.perf_counter() - one.start)
                    refused += status != 200
                else:
                    failed += 1
                if not status or CLOSES.search(one.answer):
                    one.again()
                else:
                    one.ask()
            except OSError:
                failed += 1
                one.again()
    took.sort()
    numbers = {"requests": len(took), "seconds": now - begin, "refused": refused, "failed": failed}
    for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
        numbers[name] = 1000 * took[int(share * (len(took) - 1))] if took else 0.0
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
