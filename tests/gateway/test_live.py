# SPDX-License-Identifier: AGPL-3.0-or-later
"""Live updates: each block to whoever listens, a short memory, and bounds."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from gateway.index.model import Checkpoint
from gateway.live import broker as broker_
from gateway.live.broker import RESET, Broker, Listener
from gateway.problems import TooMany
from tests.gateway.consortium import Consortium, problem, until


def checkpoint(number: int) -> Checkpoint:
    return Checkpoint(number, bytes(32), bytes(32), 1000 + number)


def quiet() -> Broker:
    return Broker(lambda events: [], lambda block, changed: json.dumps({"block": block.number}))


async def taken(listener: Listener) -> list[Any]:
    found: list[Any] = []
    while True:
        try:
            message = await listener.next(0.05)
        except TimeoutError:
            return found
        found.append(None if message is None else message.block if message is not RESET else "reset")
        if message is None:
            return found


def test_who_comes_back_gets_what_was_missed_and_else_a_reset() -> None:
    async def scenario() -> None:
        broker = quiet()
        first, _ = broker.listen(None)
        broker.on_append([(checkpoint(number), []) for number in range(1, 6)])
        assert await taken(first) == [1, 2, 3, 4, 5]
        assert [message.block for message in broker.listen(3)[1]] == [4, 5]
        assert broker.listen(5)[1] == []
        assert broker.listen(99)[1] == [RESET]
        broker.on_rewind()
        assert await taken(first) == ["reset"]
        assert broker.listen(3)[1] == [RESET]
        broker.on_append([(checkpoint(number), []) for number in range(6, 60)])
        assert await taken(first) == ["reset"], "history is no news"

    asyncio.run(scenario())


def test_who_is_too_slow_is_let_go_and_who_is_too_many_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        broker = quiet()
        slow, _ = broker.listen(None)
        for number in range(broker_.QUEUE + 5):
            broker.on_append([(checkpoint(number), [])])
        assert None in await taken(slow)
        monkeypatch.setattr(broker_, "MAX_LISTENERS", 2)
        broker.listen(None)
        with pytest.raises(TooMany):
            broker.listen(None)
        broker.leave(slow)
        broker.listen(None)

    asyncio.run(scenario())


def test_a_fault_of_the_news_is_not_the_indexers() -> None:
    def fail(*_: Any) -> Any:
        raise ValueError("a defect")

    Broker(fail, fail).on_append([(checkpoint(1), [])])


class Reader:
    """A stream, read in a thread."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.ended = threading.Event()
        self.opened = threading.Event()
        self._url, self._headers = url, headers
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        assert self.opened.wait(10)

    def _read(self) -> None:
        try:
            with httpx.stream("GET", self._url, headers=self._headers, timeout=30, trust_env=False) as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                fields: dict[str, str] = {}
                self.opened.set()
                for line in response.iter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                    elif "event" in fields:
                        self.events.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
                        fields = {}
        except httpx.HTTPError:
            pass
        finally:
            self.ended.set()


@contextmanager
def reading(consortium: Consortium, name: str, **headers: str) -> Iterator[Reader]:
    reader = Reader(f"{consortium.served[name].url}/v1/events", headers)
    try:
        yield reader
    finally:
        consortium.stop(name)
        assert reader.ended.wait(10), "a stream ends when its gateway stops"
        reader.thread.join()
        consortium.start(name)


def test_blocks_come_with_the_initiatives_that_changed(consortium: Consortium) -> None:
    with reading(consortium, "C") as reader:
        initiative = consortium.initiative()
        consortium.town.register(initiative, 3)

        def told() -> list[dict[str, Any]]:
            return [each for _, _, data in reader.events for each in data.get("initiatives", ())]

        until(lambda: {3} & {each["registered"] for each in told() if each["initiative"] == initiative})
        numbers = [int(id_) for event, id_, _ in reader.events if event == "block"]
        assert numbers == sorted(set(numbers))
        for event, id_, data in reader.events:
            assert event == "block"
            assert data["as_of"]["block"] == int(id_)


def test_no_id_of_another_form_is_taken(consortium: Consortium) -> None:
    answer = consortium.clients["A"].get("/v1/events", headers={"Last-Event-ID": "x" * 5})
    problem(answer, 400, "malformed-request")
