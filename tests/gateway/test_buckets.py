# SPDX-License-Identifier: AGPL-3.0-or-later
"""P3 over the whole interface: whoever asks for a path or a slot asks for a crowd of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.consortium import Consortium

#: By what things of an initiative may be asked for. None of these names one leaf, slot or nullifier; a new one is to
#: be thought about: `prefix` and `bucket` name at least as many as a bucket holds, `id` is random and only its owner's.
ASKED_BY = {
    *("initiative", "bucket", "prefix", "id", "proposal", "hash", "entity", "winner", "report", "option"),
    *("phase", "kind", "area", "text", "after", "limit", "status", "language"),
}
#: Where an answer may hold leaves, nodes or slots: the buckets, and the list of their roots.
BUCKETS = {
    ("/v1/initiatives/{initiative}/leaves/{bucket}", "leaves"),
    ("/v1/initiatives/{initiative}/nodes", "nodes"),
    ("/v1/initiatives/{initiative}/slots/{prefix}", "slots"),
    ("/v1/initiatives/{initiative}/slots/{prefix}", "nullifier"),
    ("/v1/initiatives/{initiative}/slots/{prefix}", "slot"),
}
TELLING = re.compile(r"lea(f|ves)|node|sibling|path|proof|slot|nullifier|position|place|index\Z", re.IGNORECASE)


@pytest.fixture(scope="module")
def schema(consortium: Consortium) -> dict[str, Any]:
    found = consortium.clients["A"].get("/openapi.json").json()
    assert isinstance(found, dict)
    return found


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def properties(schema: dict[str, Any], part: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of all members of an answer, at any depth."""
    if isinstance(part, list):
        for each in part:
            yield from properties(schema, each, seen)
    elif isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            target = schema["components"]["schemas"][reference.rsplit("/", 1)[1]]
            yield from properties(schema, target, seen | {reference})
        yield from part.get("properties", {})
        for name, value in part.items():
            if name not in ("example", "examples", "required", "enum"):
                yield from properties(schema, value, seen)


def test_P3_nothing_is_asked_for_by_a_leaf_a_tag_or_a_nullifier(schema: dict[str, Any]) -> None:
    asked = {
        (path, parameter["name"])
        for path, _, operation in operations(schema)
        for parameter in operation.get("parameters", ())
        if parameter["in"] in ("path", "query")
    }
    assert ("/v1/initiatives/{initiative}/slots/{prefix}", "prefix") in asked
    of_initiatives = {(path, name) for path, name in asked if path.startswith("/v1/initiatives")}
    assert {(path, name) for path, name in of_initiatives if name not in ASKED_BY} == set()
    assert {(path, name) for path, name in asked if TELLING.search(name) or name in ("commitment", "tag")} == set()


def test_P3_leaves_nodes_and_slots_stand_in_buckets_alone(schema: dict[str, Any]) -> None:
    told = {
        (path, name)
        for path, _, operation in operations(schema)
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for name in properties(schema, answer)
        if TELLING.search(name)
    }
    assert told == BUCKETS


def test_P3_a_registration_does_not_tell_its_place_in_the_tree(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/v1/registrations/{id}"]["get"]
    assert set(properties(schema, operation["responses"]["200"])) & {"root", "size", "bucket", "commitment"} == set()


@pytest.mark.parametrize("prefix", ["0123456789abcdef" * 4, "01234", "0x1", "", "1?nullifier=5"])
def test_P3_a_nullifier_is_not_asked_for_in_full(consortium: Consortium, prefix: str) -> None:
    initiative = consortium.initiative()
    response = consortium.clients["A"].get(f"/v1/initiatives/{initiative}/slots/{prefix}")
    assert response.status_code in (400, 404) or len(response.json()["prefix"]) == 1
