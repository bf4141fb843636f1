# SPDX-License-Identifier: AGPL-3.0-or-later
"""One-value mutations of a bundle: of its JSON, and within the RLP, with hashes mended up to a commitment."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import rlp

from node.blocks.codec import bloom_of, read_receipt
from node.blocks.trie import list_root
from protocol.hashing import keccak

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutation:
    """What was changed, in words, and the bundle that came of it."""

    what: str
    bundle: Any


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of a JSON document, containers too, but not the document."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from nodes(inner, (*path, key))


def field_of(path: Path) -> str:
    """The path without places and names that are data."""
    parts = [part for part in path if not isinstance(part, int)]
    if parts[:1] in (["code"], ["claims"], ["results"]) and len(parts) > 1:
        parts[1] = "*"
    if parts[:2] == ["deployment", "contracts"] and len(parts) > 2:
        parts[2] = "*"
    return ".".join(parts) + ("[]" if isinstance(path[-1], int) else "")


def replaced(document: Any, path: Path, value: Any) -> Any:
    """The document with another value; what is not on the way there is shared with the old one."""
    if not path:
        return value
    changed = copy.copy(document)
    changed[path[0]] = replaced(document[path[0]], path[1:], value)
    return changed


def _other_text(text: str, dice: random.Random) -> str:
    if re.fullmatch("0x[0-9a-f]+", text):
        if len(text) > 2 and dice.random() < 0.2:
            return dice.choice([text[:-2], text + "00", text[:-1]])
        at = dice.randrange(2, len(text))
        return text[:at] + dice.choice([digit for digit in "0123456789abcdef" if digit != text[at]]) + text[at + 1 :]
    if not text:
        return "x"
    at = dice.randrange(len(text))
    if text.isdecimal():
        return text[:at] + dice.choice([digit for digit in "0123456789" if digit != text[at]]) + text[at + 1 :]
    return dice.choice([text[:-1], text + "x", text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]])


def _other_list(items: list[Any], dice: random.Random) -> list[Any]:
    if not items:
        return [0]
    at = dice.randrange(len(items))
    changes = [items[:at] + items[at + 1 :], items[: at + 1] + items[at:]]
    others = [place for place, item in enumerate(items) if item != items[at]]
    if others:
        swapped, other = list(items), dice.choice(others)
        swapped[at], swapped[other] = items[other], items[at]
        changes.append(swapped)
    return dice.choice(changes)


def _other_object(fields: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    if not fields:
        return {"1": "x"}
    name = dice.choice(sorted(fields))
    changes: list[dict[str, Any]] = [{key: value for key, value in fields.items() if key != name}]
    changes.append({**fields, dice.choice(["extra", name + "x", "0x" + "00" * 20, "7"]): fields[name]})
    others = [key for key in sorted(fields) if fields[key] != fields[name]]
    if others:
        other = dice.choice(others)
        changes.append({**fields, name: fields[other], other: fields[name]})
    return dice.choice(changes)


def other(value: Any, dice: random.Random) -> Any:
    """Another value of the same JSON type, near to this one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + dice.choice([-1, 1])
    if isinstance(value, str):
        return _other_text(value, dice)
    if isinstance(value, list):
        return _other_list(value, dice)
    if isinstance(value, dict):
        return _other_object(value, dice)
    return 0  # null


def in_json(bundle: Any, display: frozenset[str], dice: random.Random) -> Iterator[Mutation]:
    """Endless; each field of the format as often as any other, places within it by chance."""
    fields: dict[str, list[tuple[Path, Any]]] = {}
    for path, value in nodes(bundle):
        if field_of(path) not in display:
            fields.setdefault(field_of(path), []).append((path, value))
    while True:
        for field in sorted(fields):
            path, value = dice.choice(fields[field])
            yield Mutation(f"{field} at {path}", replaced(bundle, path, other(value, dice)))


# Within the RLP


def octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def typed(data: bytes) -> tuple[bytes, Any]:
    """Type byte and fields of a transaction or receipt."""
    head = b"" if data[0] >= 0xC0 else data[:1]
    return head, rlp.decode(data[len(head) :])


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for place, item in enumerate(value):
        yield (*path, place), item
        if isinstance(item, list):
            yield from _leaves(item, (*path, place))


def _other_item(item: Any, dice: random.Random) -> Any:
    if isinstance(item, list):
        return _other_list(item, dice) if item else [b"\1"]
    if not item:
        return b"\1"
    at = dice.randrange(len(item))
    flipped = item[:at] + bytes((item[at] ^ (1 << dice.randrange(8)),)) + item[at + 1 :]
    return dice.choice([flipped, flipped, flipped, item[:-1], item + b"\0"])


def with_block(bundle: Any, number: int, block: dict[str, Any], mend: bool) -> Any:
    """The bundle with another block, whose header is mended to commit to what is in it."""
    if mend:
        fields = rlp.decode(octets(block["header"]))
        fields[4] = list_root([octets(one) for one in block["transactions"]])
        fields[5] = list_root([octets(one) for one in block["receipts"]])
        block = {**block, "header": hexed(rlp.encode(fields))}
    return replaced(bundle, ("blocks", number), block)


def in_rlp(bundle: Any, dice: random.Random) -> Iterator[Mutation]:
    """Endless; one item of a header, transaction or receipt, re-encoded, and the block's own header mended."""
    places = [
        (number, kind, place)
        for number, block in enumerate(bundle["blocks"])
        for kind in ("transactions", "receipts")
        for place in range(len(block[kind]))
    ]
    while True:
        if dice.random() < 0.2:
            number = dice.randrange(len(bundle["blocks"]))
            block = bundle["blocks"][number]
            fields = rlp.decode(octets(block["header"]))
            at = dice.randrange(len(fields))
            changed = {**block, "header": hexed(rlp.encode(replaced(fields, (at,), _other_item(fields[at], dice))))}
            yield Mutation(f"field {at} of header {number}", with_block(bundle, number, changed, mend=False))
            continue
        number, kind, place = dice.choice(places)
        block = bundle["blocks"][number]
        head, fields = typed(octets(block[kind][place]))
        path, item = dice.choice(list(_leaves(fields)))
        encoded = head + rlp.encode(replaced(fields, path, _other_item(item, dice)))
        changed = replaced(block, (kind, place), hexed(encoded))
        yield Mutation(f"item {path} of {kind} {place} in block {number}", with_block(bundle, number, changed, True))


def rechained(bundle: Any, number: int, block: dict[str, Any]) -> Any:
    """A forged history: another block, its blooms and roots mended, every later block named anew, and the head."""
    receipts, bloom = [], 0
    for text in block["receipts"]:
        head, fields = typed(octets(text))
        own = bloom_of(read_receipt(octets(text)).logs)
        bloom |= own
        fields[2] = own.to_bytes(256, "big")
        receipts.append(hexed(head + rlp.encode(fields)))
    blocks = list(bundle["blocks"])
    blocks[number] = {**block, "receipts": receipts}
    parent = rlp.decode(octets(blocks[number]["header"]))[0]
    for at in range(number, len(blocks)):
        fields = rlp.decode(octets(blocks[at]["header"]))
        fields[0] = parent
        if at == number:
            fields[4] = list_root([octets(one) for one in blocks[at]["transactions"]])
            fields[5] = list_root([octets(one) for one in receipts])
            fields[6] = bloom.to_bytes(256, "big")
        encoded = rlp.encode(fields)
        blocks[at] = {**blocks[at], "header": hexed(encoded)}
        parent = keccak(encoded)
    return {**bundle, "blocks": blocks, "head": {**bundle["head"], "hash": hexed(parent)}}
