# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /v1/events: server-sent events (WHATWG HTML, section 9.2), one for each block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from gateway.deps import Services, services
from gateway.initiatives.schemas import InitiativeSummary
from gateway.live.broker import Broker, Listener, Message
from gateway.wire import AsOf

HEARTBEAT = 15.0  # seconds without news after which a comment keeps the connection open

router = APIRouter(prefix="/v1/events", tags=["events"])


class BlockNews(BaseModel):
    """What is in the `data` of an event `block`: the initiatives that changed in it, as a list shows them."""

    as_of: AsOf
    initiatives: list[InitiativeSummary]


@router.get(
    "",
    response_class=StreamingResponse,
    responses={200: {"description": "Events `block` and `reset`", "content": {"text/event-stream": {}}}},
)
async def events(
    all_: Annotated[Services, Depends(services)],
    last_event_id: Annotated[str | None, Header(pattern="^[0-9]{1,18}$")] = None,
) -> StreamingResponse:
    """Each block as it is read: event `block`, its id the block's number. `reset` says that blocks were missed, or lost
    by the chain: read anew what is shown. Give the last id again when the connection breaks."""
    broker = all_.live
    listener, missed = broker.listen(None if last_event_id is None else int(last_event_id))
    return StreamingResponse(
        _stream(broker, listener, missed), media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


async def _stream(broker: Broker, listener: Listener, missed: Sequence[Message]) -> AsyncIterator[bytes]:
    try:
        yield b"retry: 3000\n\n"
        for message in missed:
            yield message.encode()
        while True:
            try:
                following = await listener.next(HEARTBEAT)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if following is None:
                return
            yield following.encode()
    finally:
        broker.leave(listener)
