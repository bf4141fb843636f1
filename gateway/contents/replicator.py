# SPDX-License-Identifier: AGPL-3.0-or-later
"""Brings the texts that the chain names from the other members here, and erases those that it says are erased.

Whoever gives a text is not believed: what does not have the hash on chain is thrown away. A text that nobody has now is
looked for again, less and less often.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx

from gateway.contents.named import NamedContents
from gateway.contents.repository import MAX_CONTENT, Contents, NotTheContent
from gateway.database import DatabaseError
from node.oidc.fetch import read_bounded
from node.plain import AS_IT_IS
from protocol.types import Hash32

log = logging.getLogger(__name__)

WORKERS = 4
TIMEOUT = 10.0
AT_ONCE = 200  # texts looked for in one round
FIRST_PAUSE, LAST_PAUSE = 2.0, 600.0  # seconds until a text that nobody had is looked for again


class Replicator:
    """One thread between `start` and `stop`. `members` gives the other active members' endpoints as they are now."""

    def __init__(
        self,
        contents: Contents,
        named: NamedContents,
        members: Callable[[], Sequence[str]],
        is_current: Callable[[], bool],
        interval: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._contents = contents
        self._named = named
        self._members = members
        self._is_current = is_current
        self._interval = interval
        self._clock = clock
        self._seen = -1  # the block as of which everything was looked at
        self._wanted: dict[Hash32, None] = {}  # missing, in no order that matters
        self._again: dict[Hash32, tuple[float, float]] = {}  # when to look for it again, and the pause before that
        self._random = random.SystemRandom()
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False, headers=AS_IT_IS)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="contents")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="contents", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def round(self) -> int:
        """Erase what is to be erased, then fetch some of what is missing; how many came. Raises DatabaseError.

        Everything is looked at once, afterwards only initiatives to which something happened.
        """
        head = self._named.head()
        if head is None:
            return 0
        since = self._seen if self._seen <= head else -1  # blocks were lost, or the index was begun anew
        if since < head:
            self._erase(since)
            for page in self._named.standing(since):
                held = self._contents.held(page)
                self._wanted |= {hashed: None for hashed in page if hashed not in held}
            self._seen = head
        members = list(self._members())
        due = self._due()
        return sum(self._pool.map(lambda hashed: self._fetch(hashed, members), due)) if members else 0

    def _erase(self, since: int) -> None:
        for page in self._named.erased(since):
            gone = [hashed for hashed in page if self._named.is_named(hashed) is not True]
            for hashed in gone:
                self._wanted.pop(hashed, None)
            if held := self._contents.held(gone):
                self._contents.erase(held)
                log.info("erased %d texts", len(held))

    def _due(self) -> list[Hash32]:
        """Some of those that are missing and were not looked for a moment ago."""
        now = self._clock()
        due = (hashed for hashed in self._wanted if self._again.get(hashed, (0.0, 0.0))[0] <= now)
        return list(islice(due, AT_ONCE))

    def _fetch(self, hashed: Hash32, members: Sequence[str]) -> bool:
        for endpoint in self._random.sample(members, len(members)):
            if self._stop.is_set():
                return False
            document = self._ask(endpoint, hashed)
            if document is None:
                continue
            try:
                self._contents.keep(hashed, document)
            except NotTheContent as error:
                log.warning("%s gave a text that is another: %s", endpoint, error)
                continue
            except DatabaseError as error:
                log.warning("a text cannot be kept: %s", error)
                return False
            self._wanted.pop(hashed, None)
            self._again.pop(hashed, None)
            return True
        self._put_off(hashed)
        return False

    def _ask(self, endpoint: str, hashed: Hash32) -> bytes | None:
        url = f"{endpoint}/v1/contents/0x{hashed.hex()}"
        try:
            with self._http.stream("GET", url, headers={"Accept": "application/json"}) as response:
                body = read_bounded(response, MAX_CONTENT, TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return None
        return body if response.status_code == 200 else None

    def _put_off(self, hashed: Hash32) -> None:
        pause = min(self._again.get(hashed, (0.0, FIRST_PAUSE / 2))[1] * 2, LAST_PAUSE)
        self._again[hashed] = (self._clock() + pause, pause)

    def _run(self) -> None:
        while not self._stop.is_set():
            came = 0
            try:
                if self._is_current():
                    came = self.round()
            except DatabaseError as error:
                log.warning("texts wait: %s", error)
            except Exception:
                log.exception("a round for texts failed")
            if not came:
                self._stop.wait(self._interval)
