# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files of test persons, and the command that serves them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.cli import main
from node.eid import persons
from node.eid.persons import Person, PersonsInvalid
from tests.eid import free_port


def test_the_shipped_persons_are_of_many_kinds() -> None:
    people = persons.load(persons.SHIPPED)
    assert len(people) == 12
    assert {person.acr for person in people} == set(persons.LEVELS)
    assert any(str(person.claims["birthdate"]) > "2008-12-31" for person in people)
    assert any(person.claims["nationality"] == "SE" for person in people)
    assert any("residence" not in person.claims for person in people)
    assert all("Exemplo" in person.name for person in people)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    people = [Person("a", "Á", "low", {"residence": ["x", "y"], "birthdate": "2000-01-01"}), Person("b", "B")]
    persons.save(tmp_path / "persons.json", people)
    assert persons.load(tmp_path / "persons.json") == people


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "at least one"),
        ({}, "at least one"),
        ([7], "person 1: needs id and name"),
        ([{"id": "a", "name": "A"}, {"id": "b"}], "person 2: needs id and name"),
        ([{"id": "a", "name": "A", "age": 3}], "nothing else"),
        ([{"id": "a b", "name": "A"}], "id is 1 to 128"),
        ([{"id": 3, "name": "A"}], "id is 1 to 128"),
        ([{"id": "a", "name": " "}], "name is a text"),
        ([{"id": "a", "name": "A", "acr": "huge"}], "acr is one of"),
        ([{"id": "a", "name": "A", "claims": []}], "claims is an object"),
        ([{"id": "a", "name": "A", "claims": {"birthdate": "1.1.2000"}}], "birthdate is a date"),
        ([{"id": "a", "name": "A", "claims": {"sub": "x"}}], "sub is none of"),
        ([{"id": "a", "name": "A", "claims": {"residence": [1]}}], "residence is a code"),
        ([{"id": "a", "name": "A"}, {"id": "a", "name": "B"}], "stands twice"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path: Path, content: Any, reason: str) -> None:
    (tmp_path / "persons.json").write_text(json.dumps(content))
    with pytest.raises(PersonsInvalid, match=reason):
        persons.load(tmp_path / "persons.json")


def test_the_command_serves_and_rotates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "node.cli", "eid", "serve", str(tmp_path), "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end, keys = time.monotonic() + 60, None
        while keys is None:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            try:
                keys = httpx.get(f"http://127.0.0.1:{port}/jwks", trust_env=False).json()["keys"]
            except httpx.TransportError:
                time.sleep(0.05)
        assert main(["eid", "rotate", str(tmp_path), "--overlap", "0", "--json"]) == 0
        kid = json.loads(capsys.readouterr().out)["kid"]
        now = httpx.get(f"http://127.0.0.1:{port}/jwks", trust_env=False).json()["keys"]
        assert [key["kid"] for key in now] == [kid] != [key["kid"] for key in keys]
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "F", "--client", "urna"], "a client is ID=URI"),
        (["serve", "F", "--persons", "missing.json"], "missing.json: not a JSON file of persons"),
        (["rotate", "F"], "no keys to rotate"),
    ],
)
def test_wrong_use_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    assert main(["eid", *(str(folder) if word == "F" else word for word in arguments)]) != 0
    assert said in capsys.readouterr().err
