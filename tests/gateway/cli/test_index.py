# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna index` on a real gateway's index: the same text before and after, interrupted or not (G7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import URL

from gateway.index import store as store_module
from gateway.index.folding import Folding
from node.cli import main
from tests.gateway.consortium import Consortium

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["index", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def stopped(consortium: Consortium) -> Any:
    """Entity C's folder, with an index that was read to some block and is no one's now."""
    initiative, voters = consortium.voting(3)
    entry = consortium.ballot(initiative, voters[0])
    consortium.clients["C"].post(f"/v1/initiatives/{initiative}/ballots", json={"entry": "0x" + entry.hex()})
    consortium.await_current("C")
    consortium.stop("C")
    yield consortium.folder / "C"
    consortium.start("C")


def test_G7_a_rebuild_that_is_killed_goes_on_and_ends_with_the_same_tables(
    consortium: Consortium, stopped: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ["--entity", str(stopped)]
    code, before = run("export", *place)
    assert code == 0
    deployment = ["--deployment", str(consortium.folder / "deployment.json")]

    monkeypatch.setattr(store_module, "PAGE", 3)
    steps, truly = [0], Folding.catch_up

    def killed(self: Folding) -> bool:
        steps[0] += 1
        if steps[0] == 4:
            raise KeyboardInterrupt
        return truly(self)

    monkeypatch.setattr(Folding, "catch_up", killed)
    assert main(["index", "rebuild", *place, *deployment]) == 130
    _, half = run("status", *place)
    assert half["folded"] < half["block"]
    code, answer = run("rebuild", *place, *deployment)
    assert (code, answer["events"]) == (0, half["events"])
    _, after = run("status", *place)
    assert after["folded"] == after["block"] == half["block"]
    assert run("export", *place) == (0, before)


def test_G7_read_anew_from_the_chain_on_postgresql(
    consortium: Consortium, stopped: Any, run: Run, make_postgresql: Callable[[], URL]
) -> None:
    url = make_postgresql()
    place = ["--entity", str(stopped)]
    there = [*place, "--database", url.render_as_string(hide_password=False)]
    deployment = ["--deployment", str(consortium.folder / "deployment.json")]
    rpc = ["--from-chain", "--rpc", consortium.town.engine.url]
    for _ in range(10):  # a block may come in between
        assert run("rebuild", *there, *deployment, *rpc)[0] == 0
        assert run("rebuild", *place, *deployment, *rpc)[0] == 0
        if run("status", *there)[1]["block"] == run("status", *place)[1]["block"]:
            break
    assert run("export", *there) == run("export", *place)


def test_an_index_that_another_process_holds_is_not_rebuilt(
    consortium: Consortium, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--entity", str(consortium.folder / "A"), "--deployment", str(consortium.folder / "deployment.json")]
    assert main(["index", "rebuild", *arguments]) == 1
    assert "another gateway uses this index" in capsys.readouterr().err
    assert main(["index", "status", *arguments[:2]]) == 0  # looking is not forbidden


def test_an_index_that_is_not_there(tmp_path: Any, run: Run) -> None:
    assert run("status", "--entity", str(tmp_path))[0] == 2
    assert run("export", "--entity", str(tmp_path / "nowhere"))[0] == 2
    assert main(["index", "export", "--entity", str(tmp_path), "--database", "mysql://x"]) == 2
