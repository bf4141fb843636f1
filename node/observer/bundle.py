# SPDX-License-Identifier: AGPL-3.0-or-later
"""The bundle: everything an observer needs, in one JSON file (docs/protocol/verification.md)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from node.blocks import RawBlock
from node.observer.errors import MalformedBundle
from node.observer.form import Form, decimal, listing, octets
from node.observer.source import Head, InitiativeClaims, Source
from protocol.types import Address, Hash32, Phase, VoidReason

SCHEMA = "urna/bundle/v1"
COUNTS = ("counted", "valid", "blank", "nulls", "ownDevice", "assisted", "accumulator")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was read: a `Source`."""

    deployment: Mapping[str, object]
    head: Head
    raw_blocks: tuple[RawBlock, ...]
    code: Mapping[Address, bytes]
    claims: Mapping[int, InitiativeClaims]
    results: Mapping[int, bytes] | None

    def blocks(self) -> Iterator[RawBlock]:
        return iter(self.raw_blocks)


def load(path: Path) -> Bundle:
    """The bundle of a file, unpacked if its name ends with .gz. Raises MalformedBundle."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if path.suffix == ".gz" else raw
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise MalformedBundle(f"{path} is no bundle: {error}") from None
    return read(content)


def read(content: object) -> Bundle:
    """The bundle of parsed JSON. Raises MalformedBundle, naming the field."""
    form = Form(content, "bundle")
    if form.text("schema") != SCHEMA:
        raise MalformedBundle(f"bundle.schema is not {SCHEMA}")
    head = Form(form.raw("head"), "head")
    blocks = form.listing("blocks")
    bundle = Bundle(
        deployment=form.items("deployment"),
        head=Head(head.number("number"), Hash32(head.octets("hash", 32))),
        raw_blocks=tuple(_block(block, number) for number, block in enumerate(blocks)),
        code={Address(octets(at, "code", 20)): octets(code, f"code.{at}") for at, code in form.items("code").items()},
        claims={_initiative(name, "claims"): _claims(one, name) for name, one in form.items("claims").items()},
        results={_initiative(name, "results"): _text(one, name) for name, one in form.items("results").items()},
    )
    head.done()
    form.done()
    return bundle


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _block(content: object, number: int) -> RawBlock:
    name = f"blocks[{number}]"
    form = Form(content, name)
    header = form.octets("header")
    transactions = tuple(octets(one, f"{name}.transactions") for one in form.listing("transactions"))
    receipts = tuple(octets(one, f"{name}.receipts") for one in form.listing("receipts"))
    form.done()
    return RawBlock(header, transactions, receipts)


def _initiative(name: str, where: str) -> int:
    if not name.isascii() or not name.isdecimal() or name.startswith("0") or len(name) > 20:
        raise MalformedBundle(f"{where} has {name!r}, which is no initiative")
    return int(name)


def _text(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise MalformedBundle(f"results.{name} is no text")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise MalformedBundle(f"results.{name} is no Unicode") from None


def _claims(content: object, number: str) -> InitiativeClaims:
    form = Form(content, f"claims.{number}")
    counts = Form(form.raw("counts"), f"claims.{number}.counts")
    key = form.raw("jointKey")
    claims = InitiativeClaims(
        phase=form.text("phase"),
        void_reason=form.text("voidReason"),
        size=form.number("size"),
        root=int.from_bytes(form.octets("root", 32), "big"),
        ballot_count=form.number("ballotCount"),
        joint_key=None if key is None else _point(key, f"claims.{number}.jointKey"),
        secret_key=int.from_bytes(form.octets("secretKey", 32), "big"),
        counts={
            name: counts.number(name) if name != "accumulator" else int.from_bytes(counts.octets(name, 32), "big")
            for name in COUNTS
        },
        totals=tuple(decimal(one, f"claims.{number}.totals") for one in form.listing("totals")),
        result_hash=form.octets("resultHash", 32),
    )
    counts.done()
    form.done()
    labels = {phase.label for phase in Phase}, {reason.label for reason in VoidReason}
    if claims.phase not in labels[0] or claims.void_reason not in labels[1]:
        raise MalformedBundle(f"claims.{number} has an unknown phase or reason")
    return claims


def _point(value: object, name: str) -> tuple[int, int]:
    coordinates = [int.from_bytes(octets(one, name, 32), "big") for one in listing(value, name)]
    if len(coordinates) != 2:
        raise MalformedBundle(f"{name} is no pair of coordinates")
    return coordinates[0], coordinates[1]


# Writing


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _word(value: int) -> str:
    return f"0x{value:064x}"


def claims_to_json(claims: InitiativeClaims) -> dict[str, object]:
    """The form that `read` takes."""
    counts = {name: _word(value) if name == "accumulator" else value for name, value in claims.counts.items()}
    return {
        "phase": claims.phase,
        "voidReason": claims.void_reason,
        "size": claims.size,
        "root": _word(claims.root),
        "ballotCount": claims.ballot_count,
        "jointKey": None if claims.joint_key is None else [_word(one) for one in claims.joint_key],
        "secretKey": _word(claims.secret_key),
        "counts": counts,
        "totals": [str(total) for total in claims.totals],
        "resultHash": _hex(claims.result_hash),
    }


def _pieces(source: Source, blocks: Iterable[RawBlock], results: Mapping[int, bytes]) -> Iterator[str]:
    """The file in pieces, so that a city's blocks are never all in memory."""
    head: dict[str, object] = {"number": source.head.number, "hash": _hex(source.head.hash)}
    opening: dict[str, object] = {"schema": SCHEMA, "deployment": dict(source.deployment), "head": head}
    for name, value in opening.items():
        yield f"{'{' if name == 'schema' else ','}\n{json.dumps(name)}: {json.dumps(value)}"
    yield ',\n"blocks": ['
    separator = "\n"
    for block in blocks:
        fields = {
            "header": _hex(block.header),
            "transactions": [_hex(one) for one in block.transactions],
            "receipts": [_hex(one) for one in block.receipts],
        }
        yield separator + json.dumps(fields)
        separator = ",\n"
    tail = {
        "code": {_hex(address): _hex(code) for address, code in source.code.items()},
        "claims": {str(number): claims_to_json(one) for number, one in source.claims.items()},
        "results": {str(number): document.decode() for number, document in results.items()},
    }
    yield "\n]"
    for name, value in tail.items():
        yield f",\n{json.dumps(name)}: {json.dumps(value)}"
    yield "\n}\n"


def write(path: Path, source: Source, blocks: Iterable[RawBlock], results: Mapping[int, bytes]) -> None:
    """Writes the bundle, whole or not at all; packed if the name ends with .gz. Raises OSError.

    `blocks` are the source's; `results` is read after the last of them.
    """
    unfinished = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.suffix == ".gz":
            with gzip.open(unfinished, "wt", encoding="utf-8", compresslevel=4) as packed:
                packed.writelines(_pieces(source, blocks, results))
        else:
            with unfinished.open("w", encoding="utf-8") as plain:
                plain.writelines(_pieces(source, blocks, results))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
