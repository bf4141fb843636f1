# SPDX-License-Identifier: AGPL-3.0-or-later
"""Handing an initiative's pepper to the other registrars, each time sealed to that registrar's key.

The publisher's copy stays until every registrar that is still a member gave its signed receipt: one that lacks the
pepper can sign nothing, and only the publisher could bring it. A publisher that is a registrar itself keeps it as one.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import httpx

from node import member_auth, pepper_box
from node.addresses import may_be_asked
from node.errors import PepperError
from node.keys import Secret
from node.member import Member
from node.pepper_box import Envelope
from node.peppers import HANDED_OVER, Destroyed
from node.plain import AS_IT_IS, is_compressed
from protocol.rules import Rules
from protocol.types import EntityId, Hash32, InitiativeId, Role

KEY_PATH = "/members/encryption-key"
PEPPER_PATH = "/members/peppers"
_PAUSE = 0.5
_MAX_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Handover:
    """Whether a registrar's gateway took the pepper; `problem` says why not."""

    entity: int
    endpoint: str
    problem: str | None


def hand_over(member: Member, initiative: InitiativeId, rules: Rules, *, patience: float) -> tuple[Handover, ...]:
    """Brings the pepper to the other registrars until each took it or patience (seconds) ends; then, where all have
    it and this entity is none of them, destroys the own copy. Raises RpcError, ContractError, KeystoreError."""
    consortium, store = member.deployment.contract("Consortium"), member.folder.peppers
    done: dict[int, Handover] = {}
    waiting: dict[EntityId, str] = {}
    for entity in rules.registrars:
        if entity == member.entity or not consortium.read(member.rpc, "isActive", entity):
            continue
        waiting[entity] = str(consortium.read(member.rpc, "entity", entity).endpoint)
        if entity in store.record(rules.pepper_hash).acknowledged:
            done[entity] = Handover(entity, waiting[entity], None)
    pepper = store.get(rules.pepper_hash)
    deadline = time.monotonic() + patience
    with httpx.Client(timeout=10, trust_env=False, follow_redirects=False, headers=AS_IT_IS) as http:
        while pepper is not None:
            for entity, endpoint in waiting.items():
                if entity not in done or done[entity].problem is not None:
                    envelope = Envelope(member.deployment, initiative, rules.pepper_hash, entity)
                    done[entity] = Handover(entity, endpoint, _try(member, http, endpoint, envelope, pepper))
            if all(one.problem is None for one in done.values()) or time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
    brought = all(entity in done and done[entity].problem is None for entity in waiting)
    if pepper is not None and brought and member.entity not in rules.registrars:
        head = member.rpc.block()
        store.destroy(rules.pepper_hash, Destroyed(HANDED_OVER, head.number, head.timestamp))
    gone = "the pepper is not in this folder any more"
    return tuple(done.get(entity, Handover(entity, endpoint, gone)) for entity, endpoint in waiting.items())


def _try(member: Member, http: httpx.Client, endpoint: str, envelope: Envelope, pepper: Secret) -> str | None:
    """None when the registrar acknowledged it, else what went wrong, without the pepper."""
    if not may_be_asked(endpoint, member.folder.public.endpoint):
        return "its endpoint is no https address"
    try:
        receipt = _bring(member, http, endpoint, envelope, pepper)
    except httpx.HTTPStatusError as error:
        return f"HTTP status {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no answer ({type(error).__name__})"
    except PepperError as error:
        return str(error)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "an answer of another form"
    member.folder.peppers.acknowledge(envelope.pepper_hash, envelope.receiver, receipt)
    return None


def _bring(member: Member, http: httpx.Client, endpoint: str, envelope: Envelope, pepper: Secret) -> bytes:
    """The registrar's verified receipt."""
    entity, deployment = envelope.receiver, member.deployment
    account: bytes = deployment.contract("Consortium").read(member.rpc, "accountOf", entity, Role.REGISTRAR)
    said = _exchange(http, http.build_request("GET", endpoint + KEY_PATH))
    key = Hash32(_hex(said["key"]))
    pepper_box.check_key(account, deployment, entity, key, _hex(said["signature"]))

    box = pepper_box.seal(pepper, key, envelope)
    body = json.dumps({"initiative": envelope.initiative, "sealed": "0x" + box.hex()}).encode()
    signer = member.folder.key(Role.PUBLISHER)
    headers = member_auth.sign(
        signer, entity=member.entity, audience=entity, method="POST", path=PEPPER_PATH, body=body
    )
    request = http.build_request(
        "POST", endpoint + PEPPER_PATH, content=body, headers={**headers, "content-type": "application/json"}
    )
    receipt = _hex(_exchange(http, request)["signature"])
    pepper_box.check_receipt(account, envelope, receipt)
    return receipt


def _exchange(http: httpx.Client, request: httpx.Request) -> dict[str, str]:
    """The JSON object that came, which must be short."""
    response = http.send(request, stream=True)
    try:
        if is_compressed(response):
            raise ValueError("compressed")
        content = b""
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _MAX_ANSWER:
                raise ValueError("too long")
    finally:
        response.close()
    if not response.is_success:
        raise httpx.HTTPStatusError("refused", request=request, response=response)
    answer: dict[str, str] = json.loads(content)
    return answer


def _hex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
