# SPDX-License-Identifier: AGPL-3.0-or-later
"""GET /v1/contents/{hash}: a text with its salt, byte for byte as it was hashed, while the chain names it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Response

from gateway.contents.named import Tombstone
from gateway.deps import Services, services
from gateway.problems import Erased, UnknownRecord
from protocol.types import Hash32

router = APIRouter(prefix="/v1/contents", tags=["contents"])


@router.get(
    "/{hash}",
    response_class=Response,
    responses={
        200: {
            "description": "RFC 8785 JSON: `content`, and the `salt` that was hashed with it",
            "content": {"application/json": {"schema": {"type": "object", "required": ["content", "salt"]}}},
        },
        304: {"description": "The caller has it, and it is not erased"},
    },
)
def content(
    hash_: Annotated[str, Path(alias="hash", pattern="^0x[0-9a-f]{64}$")],
    all_: Annotated[Services, Depends(services)],
    if_none_match: Annotated[str | None, Header(max_length=1024)] = None,
) -> Response:
    """The text of a proposal or a report by its hash. Check it: keccak-256 of the body is the hash."""
    hashed = Hash32(bytes.fromhex(hash_[2:]))
    named = all_.named.is_named(hashed)
    if isinstance(named, Tombstone):
        raise Erased(f"This text was erased by its initiative's publisher: {named.reason}", initiative=named.initiative)
    etag = f'"{hash_}"'
    # Not to be kept without asking: it may be erased at any time.
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    document = all_.contents.document(hashed) if named else None
    if document is None:
        raise UnknownRecord(
            "The chain names no such text." if not named else "This gateway does not have the text yet."
        )
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(document, media_type="application/json", headers=headers)
