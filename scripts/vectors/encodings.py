#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes tests/vectors/{encodings,rules,scope,eip712,events}.json: `uv run scripts/vectors/encodings.py`.

Numbers that fit 2⁵³ are JSON numbers, others decimal strings; bytes are hex with 0x. All is fixed: no randomness.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import IntEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from protocol import attribution, broker, eip712, evidence, jcs, nonces, pepper, rules, scope, tags  # noqa: E402
from protocol.abi import AbiError  # noqa: E402
from protocol.eip712 import camel_case  # noqa: E402
from protocol.events import encode as encode_event  # noqa: E402
from protocol.hashing import domain, keccak, signal, words  # noqa: E402
from protocol.types import (  # noqa: E402
    Address,
    Commitment,
    EntityId,
    Hash32,
    InitiativeId,
    PromiseKind,
    Tag,
)
from scripts.vectors.cases import (  # noqa: E402
    BAD_SCOPES,
    CLAIMS,
    NOW,
    PEPPER,
    SCOPES,
    VALID_ALLOCATIONS,
    VALID_BALLOTS,
    EveryEntity,
    base_rules,
    broken_rules,
)
from tests.protocol import chronicle  # noqa: E402

SALT = keccak(b"salt")
ELECTORATE, PROPOSALS = chronicle.SUITE.electorate, chronicle.SUITE.proposals
SEVEN = InitiativeId(7)
DOMAINS = (
    "scope seal batch identity pepper nonce/elector nonce/replacement nonce/author trustee-key deal/constant"
    " deal/ephemeral deal/share complaint coefficient ephemeral"
)


def plain(value: object) -> object:
    """The value as JSON that any language reads without loss."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool):
        return value
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, int):
        return value if value < 1 << 53 else str(value)
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {camel_case(field.name): plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def brokers() -> object:
    entities = map(EntityId, (1, 42, (1 << 32) - 1))
    named = [broker.BrokerIssuer(chronicle.CHAIN_ID, chronicle.CONSORTIUM, entity) for entity in entities]
    good, place = str(named[1]), chronicle.CONSORTIUM.hex()
    unfit = [
        good.replace(place, place.upper()),
        good.replace("0x", ""),
        good.replace(":42", ":042"),
        good.replace(":42", ":0"),
        good.replace(":42", f":{1 << 32}"),
        good.replace("31337", "031337"),
        good + ":",
        good + "\n",
        "urn:urna:broker:",
    ]
    for issuer in unfit:
        refusal(lambda issuer=issuer: broker.parse_issuer(issuer), broker.BrokerError)  # type: ignore[misc]
    return {
        "issuers": [{"issuer": str(one), "of": one} for one in named],
        "refused": unfit,
        "others": ["https://eid.example", "urn:urna:other", good.upper()],
        "key": {"point": chronicle.BROKER_KEY, "jwk": broker.to_jwk(chronicle.BROKER_KEY)},
    }


def attributions() -> object:
    call = keccak(b"erase(uint64,uint32,string)")[:4] + words(7, 2, 96, 6, b"reason".ljust(32, b"\0"))
    act = attribution.OfficerAct("officer-7f3a", "moderator", chronicle.CHAIN_ID, PROPOSALS, Hash32(keccak(call)))
    named = act.attribution(SALT)
    return {
        "call": call,
        "act": act,
        "salt": SALT,
        "document": evidence.content_document(act.content(), SALT).decode(),
        "attribution": named,
        "data": attribution.attributed(call, named),
    }


def encodings() -> object:
    tokens = [f"header.payload{number}.signature" for number in range(5)]
    content = {"title": "Árvores na Rua Direita", "text": "Doze lódãos.", "cost": 1200}
    commitment = chronicle.commitment(1)
    binding = (chronicle.CHAIN_ID, ELECTORATE, SEVEN, commitment, SALT)
    author = (chronicle.CHAIN_ID, PROPOSALS, SEVEN, evidence.content_hash(content, SALT), SALT)
    return {
        "domains": {f"urna/{name}/v1": domain(f"urna/{name}/v1") for name in DOMAINS.split()},
        "words": {"of": [1, ELECTORATE, SALT], "encoded": words(1, ELECTORATE, SALT)},
        "signal": {"of": SALT, "signal": signal(SALT)},
        "pepper": {"pepper": PEPPER, "hash": tags.pepper_hash(PEPPER)},
        "pepperBox": {
            "chainId": chronicle.CHAIN_ID,
            "initiatives": chronicle.SUITE.initiatives,
            "initiative": SEVEN,
            "pepperHash": tags.pepper_hash(PEPPER),
            "receiver": 2,
            "info": pepper.box_info(
                chronicle.CHAIN_ID, chronicle.SUITE.initiatives, SEVEN, tags.pepper_hash(PEPPER), EntityId(2)
            ),
        },
        "tags": [
            {
                "pepper": PEPPER,
                "purpose": purpose.value,
                "chainId": chronicle.CHAIN_ID,
                "initiative": SEVEN,
                "namespace": namespace,
                "subject": subject,
                "tag": tags.person_tag(PEPPER, purpose, chronicle.CHAIN_ID, SEVEN, namespace, subject),
            }
            for purpose in tags.Purpose
            for namespace, subject in [("https://eid.example", "248289761001"), ("https://eid.example", "sujeito-ç")]
        ],
        "nonces": {
            "chainId": chronicle.CHAIN_ID,
            "electorate": ELECTORATE,
            "proposals": PROPOSALS,
            "initiative": SEVEN,
            "commitment": commitment,
            "contentHash": author[3],
            "salt": SALT,
            "elector": nonces.elector_nonce(*binding),
            "replacement": nonces.replacement_nonce(*binding),
            "author": nonces.author_nonce(*author),
        },
        "brokers": brokers(),
        "attribution": attributions(),
        "evidence": [{"tokens": tokens[:n], "root": evidence.evidence_root(tokens[:n])} for n in range(1, 6)],
        "content": {
            "content": content,
            "salt": SALT,
            "document": evidence.content_document(content, SALT).decode(),
            "hash": evidence.content_hash(content, SALT),
        },
        "canonicalJson": [
            {"document": document, "canonical": jcs.canonical(document).decode()}
            for document in ({"b": 1, "a": [True, None, "é\n"]}, {"€": 1, "\r": 2, "1": 3}, [0, -1, 9007199254740991])
        ],
    }


def refusal(call: Callable[[], object], error: type[Exception]) -> dict[str, str]:
    try:
        call()
    except error as caught:
        return {"error": type(caught).__name__, "reason": str(caught)}
    raise AssertionError("not refused")


def ruleset() -> object:
    good = [
        base_rules(),
        *(replace(base_rules(), ballot=ballot) for ballot in VALID_BALLOTS),
        *(replace(base_rules(), allocation=allocation) for allocation in VALID_ALLOCATIONS),
    ]
    for valid in good:
        rules.check(valid, NOW, EveryEntity())
    encoded = rules.encode(base_rules())
    malformed = [encoded[:-32], encoded + bytes(32), b"", b"\1" + encoded[1:], bytes(32) + encoded[32:]]
    for data in malformed:
        refusal(lambda data=data: rules.decode(data), AbiError)  # type: ignore[misc]
    return {
        "now": NOW,
        "members": {"minimumAnonymity": 10, "activeBelow": 100, "trusteeKeyBelow": 90},
        "valid": [{"rules": r, "encoded": rules.encode(r), "hash": rules.rules_hash(r)} for r in good],
        "refused": [
            {"encoded": rules.encode(r)} | refusal(lambda r=r: rules.check(r, NOW, EveryEntity()), rules.RulesError)  # type: ignore[misc]
            for r in broken_rules()
        ],
        "malformed": malformed,
    }


def decision(predicate: scope.Scope, claims: dict[str, object]) -> str:
    try:
        scope.require(predicate, claims)
    except scope.OutOfScope as error:
        return error.criterion
    return "in scope"


def scopes() -> object:
    parsed = {text: scope.parse(text.encode()) for text in SCOPES}
    leap = [("2000-02-29", day) for day in ("2018-02-28", "2018-03-01", "2020-02-28", "2020-02-29")]
    return {
        "valid": [
            {
                "scope": text,
                "hash": scope.scope_hash(text.encode()),
                "decisions": [{"claims": claims, "decision": decision(predicate, dict(claims))} for claims in CLAIMS],
            }
            for text, predicate in parsed.items()
        ],
        "refused": [
            {"scope": text} | refusal(lambda text=text: scope.parse(text.encode()), scope.ScopeError)  # type: ignore[misc]
            for text in BAD_SCOPES
        ],
        "ages": [
            {"birthdate": birth, "on": day, "age": scope.age_on(date.fromisoformat(birth), date.fromisoformat(day))}
            for birth, day in leap
        ],
    }


def typed_data() -> object:
    key = keccak(b"registrar")
    identifier, evidence_root = chronicle.batch_id(1), Hash32(keccak(b"evidence"))
    consortium, ballot_box = chronicle.CONSORTIUM, chronicle.SUITE.ballot_box
    entity, content = EntityId(2), Hash32(keccak(b"content"))
    messages: list[tuple[eip712.Statement, bytes]] = [
        (
            eip712.RegistrationBatch(
                SEVEN,
                identifier,
                NOW,
                tuple(chronicle.tag(number) for number in range(3)),
                tuple(chronicle.commitment(number) for number in range(3)),
                evidence_root,
            ),
            ELECTORATE,
        ),
        (
            eip712.Replacement(
                SEVEN, identifier, NOW, Tag(chronicle.tag(1)), Commitment(5), chronicle.commitment(2), evidence_root
            ),
            ELECTORATE,
        ),
        (
            eip712.Submission(SEVEN, identifier, NOW, chronicle.tag(1), Hash32(keccak(b"text")), evidence_root),
            PROPOSALS,
        ),
        (eip712.EncryptionKey(entity, Hash32(keccak(b"x25519"))), consortium),
        (eip712.PepperReceipt(entity, SEVEN, tags.pepper_hash(PEPPER)), consortium),
        *(
            (eip712.Promise(entity, kind, SEVEN, content, 4096 + kind), contract)
            for kind, contract in zip(PromiseKind, (ELECTORATE, ELECTORATE, PROPOSALS, ballot_box), strict=True)
        ),
    ]
    listed = []
    for message, contract in messages:
        digest = eip712.digest(message, chronicle.CHAIN_ID, Address(contract))
        signature = eip712.sign(digest, key)
        listed.append(
            {
                "type": eip712.type_string(type(message)),
                "chainId": chronicle.CHAIN_ID,
                "contract": contract,
                "message": message,
                "digest": digest,
                "privateKey": key,
                "signature": signature,
                "account": eip712.recover(digest, signature),
            }
        )
    return listed


def event_logs() -> object:
    return [
        {
            "contract": event.CONTRACT.value,
            "signature": event.SIGNATURE,
            "topics": list(encode_event(event)[0]),
            "data": encode_event(event)[1],
            "fields": event,
            "block": meta.block,
            "timestamp": meta.timestamp,
            "log": meta.log,
        }
        for event, meta in chronicle.whole_life().log
    ]


VECTORS: dict[str, Callable[[], object]] = {
    "encodings": encodings,
    "rules": ruleset,
    "scope": scopes,
    "eip712": typed_data,
    "events": event_logs,
}


def render(name: str) -> str:
    """The file's text."""
    return json.dumps(plain(VECTORS[name]()), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for vector in VECTORS:
        (ROOT / "tests" / "vectors" / f"{vector}.json").write_text(render(vector))
