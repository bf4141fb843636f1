# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a request's bytes get to the node and back. HTTP in earnest, a dictionary of functions in tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from node.errors import RpcRefused, RpcTooLong, RpcUnavailable
from node.plain import AS_IT_IS, is_compressed

DEFAULT_TIMEOUT = 20.0
DEFAULT_MAX_BYTES = 256 * 1024 * 1024


class Transport(Protocol):
    """Carries one JSON-RPC request (an object or a batch) and returns the answer's bytes, or raises RpcUnavailable."""

    def send(self, payload: bytes) -> bytes: ...

    def close(self) -> None: ...


class HttpTransport:
    """JSON-RPC over HTTP with a time limit (seconds) and a limit on the answer's size (bytes). Safe across threads."""

    def __init__(self, url: str, *, timeout: float = DEFAULT_TIMEOUT, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RpcUnavailable(
                f"The RPC address {url!r} is not an http address; give one like http://127.0.0.1:8545."
            )
        self.url = url
        self._max_bytes = max_bytes
        # The proxy settings of the environment are for the world outside, not for a node of one's own.
        headers = {"content-type": "application/json", **AS_IT_IS}
        self._http = httpx.Client(timeout=timeout, trust_env=False, headers=headers)

    def send(self, payload: bytes) -> bytes:
        """Raises RpcUnavailable on refusal, time-out, a status other than 200, or too long an answer."""
        try:
            with self._http.stream("POST", self.url, content=payload) as response:
                if response.status_code != 200:
                    raise RpcUnavailable(f"The node at {self.url} answered with HTTP status {response.status_code}.")
                if is_compressed(response):
                    raise RpcUnavailable(f"The node at {self.url} answered compressed, which was not asked for.")
                answer = bytearray()
                for chunk in response.iter_bytes():
                    answer += chunk
                    if len(answer) > self._max_bytes:
                        raise RpcTooLong(f"The node at {self.url} answered with more than {self._max_bytes} bytes.")
                return bytes(answer)
        except httpx.TimeoutException as error:
            raise RpcUnavailable(f"The node at {self.url} did not answer in time.") from error
        except httpx.HTTPError as error:
            raise RpcUnavailable(f"The node at {self.url} cannot be reached; is it running? ({error})") from error

    def close(self) -> None:
        self._http.close()


Handler = Callable[[list[object]], object]


class MemoryTransport:
    """The twin for tests: answers each method by a function of its parameters; RpcRefused becomes an error object."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = dict(handlers)
        self.requests: list[tuple[str, list[object]]] = []

    def send(self, payload: bytes) -> bytes:
        request = json.loads(payload)
        answers = [self._answer(one) for one in (request if isinstance(request, list) else [request])]
        return json.dumps(answers if isinstance(request, list) else answers[0]).encode()

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        method, params = request["method"], request["params"]
        assert isinstance(method, str)
        assert isinstance(params, list)
        self.requests.append((method, params))
        answer: dict[str, object] = {"jsonrpc": "2.0", "id": request["id"]}
        handler = self.handlers.get(method)
        if handler is None:
            return answer | {"error": {"code": -32601, "message": f"no method {method}"}}
        try:
            return answer | {"result": handler(params)}
        except RpcRefused as error:
            return answer | {"error": {"code": error.code, "message": error.reason, "data": "0x" + error.data.hex()}}

    def close(self) -> None:
        """Nothing to close."""
