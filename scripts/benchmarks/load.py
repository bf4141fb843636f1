# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sends ready-made requests over many connections, in a process of its own; started by `throughput`.

The file has each request's bytes after their length (4 bytes). Each connection has one request under way; what is
answered 429 or 503 is sent again. Costs some 30 µs a request, so that it measures the gateway and not itself.
"""

from __future__ import annotations

import selectors
import socket
import sys
from collections import deque
from pathlib import Path

CONNECTIONS = 96
ACCEPTED, LATER = (b"202",), (b"429", b"503")


class Connection:
    """One connection with one request under way."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._port = port
        self._selector = selector
        self.request: bytes | None = None
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._socket, selectors.EVENT_READ, self)
        self._answer = b""

    def send(self, request: bytes) -> None:
        self.request = request
        self._socket.sendall(request)

    def status(self) -> bytes | None:
        """Of the answer, once it is whole. A connection that was closed counts as one to try again."""
        part = self._socket.recv(65536)
        self._answer += part
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not part:
            status = head[9:12] or b"503"
            self.close()
            self._open()
            return status
        if not end:
            return None
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) < int(length.partition(b":")[2]):
            return None
        self._answer = b""
        if b"connection: close" in head.lower():
            self.close()
            self._open()
        return head[9:12]

    def close(self) -> None:
        self._selector.unregister(self._socket)
        self._socket.close()


def send_all(port: int, requests: deque[bytes]) -> None:
    """Until every one is accepted. Raises RuntimeError for any other answer."""
    with selectors.DefaultSelector() as selector:
        connections = [Connection(port, selector) for _ in range(min(CONNECTIONS, len(requests)))]
        for connection in connections:
            connection.send(requests.popleft())
        busy = len(connections)
        while busy:
            for key, _ in selector.select():
                connection = key.data
                status = connection.status()
                if status is None:
                    continue
                if status not in (*ACCEPTED, *LATER):
                    raise RuntimeError(f"the gateway answered {status.decode()}")
                if status in LATER:
                    requests.append(connection.request)
                if requests:
                    connection.send(requests.popleft())
                else:
                    busy -= 1
        for connection in connections:
            connection.close()


def main() -> None:
    port, data = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    requests: deque[bytes] = deque()
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        requests.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    send_all(port, requests)


if __name__ == "__main__":
    main()
