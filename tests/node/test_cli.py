# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command line against a real chain: answers as text and JSON, exit codes, errors as one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli import COMMANDS, main
from node.cli.initiative import read_acceptances
from node.errors import DraftError
from node.publisher import Acceptance
from node.rpc import RpcClient
from tests.node.house import House, Run
from tests.node.test_draft import DRAFT


def draft_file(house: House, path: Path) -> Path:
    with RpcClient.connect(house.url) as rpc:
        opens = rpc.block().timestamp + 600
    steps = ("registration-opens", "registration-closes", "voting-opens", "voting-closes")
    times = {name: opens + 3600 * place for place, name in enumerate(steps)}
    document = {**DRAFT, "windows": {**DRAFT["windows"], **times}}
    path.write_text(json.dumps(document))
    return path


def test_every_command_that_is_here_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)
    for command in ("entity init", "deploy", "motion add-suite", "initiative create", "trustee run", "status"):
        assert main([*command.split(), "--help"]) == 0
        assert "--json" in capsys.readouterr().out


def test_an_initiative_is_created_through_the_command_line(house: House, run: Run, tmp_path: Path) -> None:
    draft = draft_file(house, tmp_path / "draft.json")
    create = ["initiative", "create", *house.at("A"), "--draft", str(draft), "--patience", "0"]

    code, created, warning = run(*create)
    again = run(*create)

    assert code == again[0] == 3  # the other gateways do not run here
    assert "pepper" in warning
    assert created["already"] is False
    assert again[1] == {**created, "already": True}
    assert [(one["entity"], one["problem"]) for one in created["peppers"]] == [
        (2, "no answer (ConnectError)"),
        (3, "no answer (ConnectError)"),
    ]
    code, shown, _ = run("initiative", "show", str(created["initiative"]), *house.at())
    assert (code, shown["title"], shown["phase"]) == (0, DRAFT["title"], "announced")
    code, status, _ = run("status", *house.at())
    assert [one["name"] for one in status["entities"]] == ["Entity A", "Entity B", "Entity C"]
    assert shown in status["initiatives"]
    code, done, _ = run("trustee", "run", *house.at("B"))
    assert code == 0
    assert done["initiatives"][0]["waiting"][0]["what"] == "the end of the phase 'announced'"


def test_text_answers_are_sentences(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["motion", "list", *house.at()]) == 0
    assert capsys.readouterr().out == "There are no motions.\n"
    assert main(["status", *house.at()]) == 0
    assert "Entity A, active, with trustee key, http://127.0.0.1:1" in capsys.readouterr().out
    assert main(["entity", "show", str(house.base / "A")]) == 0
    assert "publisher 0x" in capsys.readouterr().out


def test_errors_are_one_sentence_with_an_exit_code(house: House, run: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**DRAFT, "kind": "lottery"}))
    past = tmp_path / "past.json"
    past.write_text(json.dumps({**DRAFT, "windows": {**DRAFT["windows"], "registration-opens": 1}}))
    cases = [
        (["initiative", "create", *house.at("A"), "--draft", str(wrong)], 2, "DraftError"),
        (["initiative", "create", *house.at("A"), "--draft", str(past)], 1, "InvalidWindows"),
        (["initiative", "show", "99", *house.at()], 1, "NodeError"),
        (["trustee", "run", *house.at("A"), "--initiative", "99"], 1, "NodeError"),
        (["motion", "approve", "7", *house.at("A")], 1, "UnknownMotion"),
        (["status", "--rpc", "http://127.0.0.1:1", "--deployment", str(house.base / "net.json")], 3, "RpcUnavailable"),
        (["status", "--rpc", house.url, "--deployment", str(tmp_path / "none.json")], 1, "DeploymentError"),
        (["entity", "show", str(tmp_path)], 2, "EntityError"),
        (["entity", "init", str(tmp_path / "x"), "--name", "X", "--endpoint", "x"], 2, "EntityError"),
        (["entity", "init"], 2, "MissingParameter"),
    ]
    for arguments, expected, name in cases:
        code, answer, _ = run(*arguments)
        assert (code, answer["error"]["name"]) == (expected, name), arguments
        assert "\n" not in answer["error"]["message"]
        assert "Traceback" not in answer["error"]["message"]


def test_errors_go_to_stderr_without_json(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert main(["initiative", "show", "99", *house.at()]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "urna: There is no initiative 99; urna status lists those that there are.\n"
    assert main(["frobnicate"]) == 2
    assert "No such command 'frobnicate'" in capsys.readouterr().err


def test_the_module_is_the_command(house: House) -> None:
    command = [sys.executable, "-m", "node.cli", "entity", "show", str(house.base / "A"), "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["name"] == "Entity A"


def test_files_of_costs_keep_their_order_and_name_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text('{"7": "120", "2": {"cost": 5, "reason": "cheap"}}')
    assert read_acceptances(path) == [Acceptance(7, 120), Acceptance(2, 5, "cheap")]
    for text in ("[]", '{"x": 1}', '{"1": -1}', '{"1": 1.5}', '{"1": true}', '{"1": {"cost": "1e3"}}', "{"):
        path.write_text(text)
        with pytest.raises(DraftError):
            read_acceptances(path)
