# SPDX-License-Identifier: AGPL-3.0-or-later
"""Commands of the gateway under `urna`, without node knowing the gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import COMMANDS
from gateway.index.model import Checkpoint, RawEvent
from node.cli import main
from tests.gateway.history import opened


def test_urna_lists_the_gateways_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert name in said
        assert text.split()[0] in said
        assert main([name, "--help"]) == 0


def test_a_command_of_node_loads_nothing_of_the_gateway() -> None:
    seen = "sys.exit(any(name.split('.')[0] == 'gateway' for name in sys.modules))"
    code = f"import sys; from node.cli import main; main(['status', '--help']); {seen}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_index_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "status", "--entity", str(tmp_path)]) == 2
    store, view = opened(tmp_path)
    view.load()
    view.append([(Checkpoint(5, b"\x05" * 32, bytes(32), 9), [RawEvent(0, 0, b"\x66" * 20, (), b"")])])
    capsys.readouterr()
    assert main(["index", "status", "--entity", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"block": 5, "hash": "0x" + "05" * 32, "folded": 5, "events": 1}
    store.close()
