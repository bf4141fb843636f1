# SPDX-License-Identifier: AGPL-3.0-or-later
"""A new member, by the README's steps word for word: admitted by the others, its gateway catches up with the chain from
nothing and serves the same answers as theirs."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from node.cli.run import SAMPLE
from node.run.consortium import RunConsortium
from node.run.driver import Driver, Held
from node.run.plan import make_plan
from node.run.processes import clean_environment
from node.run.progress import Reporter
from protocol.pabulib import read_pb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
INITIATIVE = "/v1/initiatives/1"
READS = (
    "/v1/initiatives",
    INITIATIVE,
    *(f"{INITIATIVE}/{part}" for part in ("proposals", "nodes", "leaves/0", "counts", "result")),
    *(f"{INITIATIVE}/slots/{digit:x}" for digit in range(16)),
)


@dataclass
class Joined:
    """The consortium with an election that was held, and the newcomer's gateway at `url`."""

    consortium: RunConsortium
    held: Held
    url: str
    said: list[str]


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    base = tmp_path_factory.mktemp("newcomer")
    consortium = RunConsortium(base / "run")
    content = SAMPLE.read_bytes()
    plan = make_plan(read_pb(content, SAMPLE.name), seed=1, voters=5, revotes=1, nulls=0, blanks=0)
    process: subprocess.Popen[bytes] | None = None
    try:
        with closing(Driver(consortium, plan, content, 1, Reporter(Console(quiet=True)))) as driver:
            held = driver.hold(1)
        steps, said = readme_steps(consortium, base), []
        for step in steps[:-1]:
            done = subprocess.run(step, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, f"{shlex.join(step)}: {done.stdout}{done.stderr}"
            said.append(done.stdout)
        with (base / "gateway.log").open("wb") as log:
            process = subprocess.Popen(steps[-1], cwd=ROOT, env=clean_environment(), stdout=log, stderr=log)
        url = json.loads((base / "porto" / "entity.json").read_text())["endpoint"]
        await_ready(url, process, base / "gateway.log")
        yield Joined(consortium, held, url, said)
    finally:
        if process is not None:
            process.terminate()
            process.wait(60)
        consortium.stop()


def readme_steps(consortium: RunConsortium, base: Path) -> list[list[str]]:
    """The commands of the README's section, with this machine's places in the place of its examples."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## A new member", 1)[1].split("\n## ", 1)[0]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block is not None
    port = consortium_port()
    lisboa, braga = consortium.entities[:2]
    places = {
        ".venv/bin/urna": f"{sys.executable} -m node.cli",
        "/srv/urna/porto.toml": str(base / "porto.toml"),
        "/srv/urna/porto": str(base / "porto"),
        "/srv/urna/lisboa": str(lisboa.folder),
        "/srv/urna/braga": str(braga.folder),
        "https://urna.porto.example": f"http://127.0.0.1:{port}",
        "https://node.porto.example": consortium.rpc,
        "deployments/national.json": str(consortium.deployment_file),
    }
    text = block[1].replace("\\\n", " ")
    for example, place in places.items():
        text = text.replace(example, place)
    assert ".example" not in text
    (base / "porto.toml").write_text(
        "\n".join(
            f"{name} = {json.dumps(value)}"
            for name, value in {
                "entity": str(base / "porto"),
                "deployment": str(consortium.deployment_file),
                "rpc": consortium.rpc,
                "issuers": str(consortium.out / "issuers.json"),
                "port": port,
            }.items()
        )
    )
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    commands = [shlex.split(line) for line in lines if line]
    assert commands[0] == ["scripts/setup"]
    assert commands[-1][-4:-2] == ["gateway", "run"]
    return commands[1:]  # what it installs is what runs here


def consortium_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def await_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        try:
            if httpx.get(f"{url}/health/ready", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)


def read(url: str, path: str) -> Any:
    """An answer without the block that it holds for, and without what only its own gateway knows."""
    response = httpx.get(url + path, timeout=30, trust_env=False)
    document = response.json()
    assert response.status_code == 200 or document["code"] == "prefix-too-long", (path, document)

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: stripped(one) for name, one in value.items() if name != "as_of"}
        return [stripped(one) for one in value] if isinstance(value, list) else value

    return stripped(document)


def texts_fetched(url: str) -> None:
    """It asks the others for the texts that the chain names."""
    end = time.monotonic() + 60
    while any(one["content"] is None for one in read(url, f"{INITIATIVE}/proposals")["proposals"]):
        assert time.monotonic() < end
        time.sleep(0.2)


def test_the_newcomer_serves_the_same_answers_as_the_others(joined: Joined) -> None:
    texts_fetched(joined.url)
    for path in READS:
        answers = [read(url, path) for url in (joined.url, *(one.endpoint for one in joined.consortium.entities))]
        assert all(answer == answers[1] for answer in answers), path
    assert read(joined.url, f"{INITIATIVE}/result")["result_hash"] == joined.held.result["result_hash"]
    assert sum(len(read(joined.url, f"{INITIATIVE}/slots/{digit:x}")["slots"]) for digit in range(16)) == 5


def test_the_newcomer_is_a_member_like_the_others(joined: Joined) -> None:
    place = ["--rpc", joined.consortium.rpc, "--deployment", str(joined.consortium.deployment_file)]
    status = joined.consortium.urna("status", *place)
    newcomer = status["entities"][-1]
    assert (newcomer["name"], newcomer["active"], newcomer["endpoint"]) == ("Porto", True, joined.url)
    assert newcomer["has_trustee_key"]
    motion = joined.consortium.urna("motion", "list", *place)["motions"][-1]
    assert (motion["call"], motion["executed"], motion["approvals"]) == ("Consortium.admit", True, 2)
