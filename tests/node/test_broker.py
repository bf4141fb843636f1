# SPDX-License-Identifier: AGPL-3.0-or-later
"""`urna broker`: the key, its way onto the chain, and the service."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import httpx

from tests.eid import free_port
from tests.node.house import House, Run

NAME = "urn:urna:broker:"


def test_a_broker_is_set_up_by_three_commands(house: House, run: Run) -> None:
    folder = ["--entity", str(house.base / "A")]
    _, made, _ = run("broker", "key", *folder)
    _, again, _ = run("broker", "key", *folder)
    assert made == again

    settings = house.base / "broker.json"
    port = free_port()
    content = {
        "url": f"http://127.0.0.1:{port}",
        "upstream": "https://eid.example.org",
        "client_id": "1",
        "redirect_uris": ["https://a.example.org/v1/authorisations/callback"],
    }
    settings.write_text(json.dumps(content))
    serve = ["broker", "serve", *house.at("A"), "--settings", str(settings), "--port", str(port)]
    served = subprocess.run([sys.executable, "-m", "node.cli", *serve], capture_output=True, text=True, check=False)
    assert served.returncode != 0
    assert "urna entity broker-key" in served.stderr
    code, registered, _ = run("entity", "broker-key", made["public_key"], *house.at("A"))
    assert code == 0
    assert registered["issuer"].startswith(NAME)

    process = subprocess.Popen([sys.executable, "-m", "node.cli", *serve], stdin=subprocess.DEVNULL)
    try:
        end, described = time.monotonic() + 60, None
        while described is None:
            assert process.poll() is None
            assert time.monotonic() < end
            try:
                described = httpx.get(f"http://127.0.0.1:{port}/.well-known/openid-configuration", trust_env=False)
            except httpx.TransportError:
                time.sleep(0.1)
        assert described.json()["issuer"] == registered["issuer"]
    finally:
        process.terminate()
        process.wait(20)

    _, new, _ = run("broker", "key", "--replace", *folder)
    assert new["x"] != made["x"]
    assert len(list((house.base / "A" / "keys").glob("broker.retired-*.json"))) == 1
    served = subprocess.run([sys.executable, "-m", "node.cli", *serve], capture_output=True, text=True, check=False)
    assert served.returncode == 1
    assert "urna entity broker-key" in served.stderr

    settings.write_text(json.dumps({**content, "url": "http://10.0.0.1"}))
    served = subprocess.run([sys.executable, "-m", "node.cli", *serve], capture_output=True, text=True, check=False)
    assert served.returncode == 2
    assert "must be https" in served.stderr
