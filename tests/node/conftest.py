# SPDX-License-Identifier: AGPL-3.0-or-later
"""A consortium of three that was founded through the command line, and the command line itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.cli import main
from node.engine import EmbeddedEngine
from tests.node.house import House, Run


@pytest.fixture(scope="module")
def house(engine: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> House:
    base = tmp_path_factory.mktemp("house")
    founders = []
    for name in "ABC":
        made = ["entity", "init", str(base / name), "--name", f"Entity {name}", "--endpoint", "http://127.0.0.1:1"]
        assert main([*made, "--lanes", "1"]) == 0
        founders += ["--entity", str(base / name / "entity.json")]
    place = House(base, engine.url)
    out = ["--minimum-anonymity", "3", "--finality", "0", "--out", str(base / "net.json")]
    assert main(["deploy", "--rpc", engine.url, *founders, *out]) == 0
    for name in "ABC":
        assert main(["trustee", "run", *place.at(name)]) == 0
    return place


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = main([*arguments, "--json"])
        said = capsys.readouterr()
        return code, json.loads(said.out), said.err

    return call
