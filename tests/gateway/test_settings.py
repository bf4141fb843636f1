# SPDX-License-Identifier: AGPL-3.0-or-later
"""Settings: where they come from, who wins, and what is said of wrong ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli.gateway import run_alone
from gateway.settings import Settings, SettingsError, load, shown
from node import cli


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "A").mkdir()
    for name in ("deployment.json", "issuers.json"):
        (tmp_path / name).write_text("[]")
    return {
        "entity": str(tmp_path / "A"),
        "deployment": str(tmp_path / "deployment.json"),
        "issuers": str(tmp_path / "issuers.json"),
        "rpc": "http://127.0.0.1:8545",
    }


def toml(path: Path, values: Mapping[str, object]) -> Path:
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items()))
    return path


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(
    good: dict[str, str], tmp_path: Path
) -> None:
    file = toml(tmp_path / "gateway.toml", {**good, "port": 1, "batch_size": 11, "last_call": 33})
    environ = {"URNA_GATEWAY_CONFIG": str(file), "URNA_GATEWAY_PORT": "2", "URNA_GATEWAY_BATCH_SIZE": "22", "HOME": "x"}
    loaded = load(None, {"port": "3"}, environ)

    assert (loaded.settings.port, loaded.settings.batch_size, loaded.settings.last_call) == (3, 22, 33)
    assert loaded.settings.entity == tmp_path / "A"
    said = {name: loaded.sources[name] for name in ("port", "batch_size", "last_call", "host")}
    assert said == {"port": "command line", "batch_size": "environment", "last_call": str(file), "host": "default"}


def test_everything_that_is_wrong_is_told_at_once(good: dict[str, str], tmp_path: Path) -> None:
    del good["rpc"]
    environ = {f"URNA_GATEWAY_{name.upper()}": value for name, value in good.items()}
    environ |= {"URNA_GATEWAY_PORT": "70000", "URNA_GATEWAY_BATCH_AGE": "soon", "URNA_GATEWAY_PROT": "8700"}
    environ |= {"URNA_GATEWAY_ISSUERS": str(tmp_path / "none.json"), "URNA_GATEWAY_CORS_ORIGINS": "*"}
    with pytest.raises(SettingsError) as caught:
        load(None, {}, environ)
    told = {fault.key: (fault.value, fault.reason) for fault in caught.value.faults}
    assert set(told) == {"rpc", "port", "batch_age", "prot", "issuers", "cors_origins"}
    assert told["port"][0] == "70000"
    assert "65535" in told["port"][1]
    assert "(from environment)" in told["port"][1]
    assert "URNA_GATEWAY_RPC" in told["rpc"][1]
    assert "no such setting" in told["prot"][1]
    assert len(str(caught.value).splitlines()) == 6


def test_secrets_print_as_stars(good: dict[str, str]) -> None:
    password = "hunter2"
    loaded = load(None, {**good, "database": f"postgresql://urna:{password}@db.example.org/urna"}, {})
    assert password not in shown("database", loaded.settings.database)
    assert password not in repr(loaded.settings)
    assert "db.example.org" in shown("database", loaded.settings.database)
    with pytest.raises(SettingsError) as caught:
        load(None, {**good, "database": f"mysql://urna:{password}@db/urna"}, {})
    assert password not in str(caught.value)
    assert "database" in str(caught.value)
    assert shown("rpc", f"http://member:{password}@rpc.example.org/") == "http://member:********@rpc.example.org/"


def test_what_is_wrong_with_the_issuers_is_told_without_their_secrets(good: dict[str, str]) -> None:
    Path(good["issuers"]).write_text(json.dumps([{"iss": "https://eid.example.org", "client_secret": "hunter2"}]))
    with pytest.raises(ValueError, match="audiences") as caught:
        load(None, good, {}).settings.load_issuers()
    assert "hunter2" not in str(caught.value)


def test_lists_are_written_with_commas_or_as_lists(good: dict[str, str], tmp_path: Path) -> None:
    given = load(None, {**good, "cors_origins": "https://a.example.org, https://b.example.org:8443"}, {}).settings
    assert given.cors_origins == ("https://a.example.org", "https://b.example.org:8443")
    file = toml(tmp_path / "gateway.toml", {**good, "trusted_proxies": ["10.0.0.0/8", "fd00::/8"]})
    assert [str(network) for network in load(file, {}, {}).settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize("origin", ["*", "https://a.example.org/", "a.example.org", "https://a.example.org/path", ""])
def test_an_origin_is_exact(good: dict[str, str], origin: str) -> None:
    with pytest.raises(SettingsError, match="cors_origins"):
        load(None, {**good, "cors_origins": [origin]}, {})


def test_a_file_that_cannot_be_read_is_named(good: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("port = = 3")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(SettingsError, match=path.name):
            load(path, good, {})


def test_every_setting_explains_itself() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_config_shows_values_and_where_they_are_from(
    good: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URNA_GATEWAY_PORT", "8701")
    file = toml(tmp_path / "gateway.toml", good)
    assert cli.main(["gateway", "config", "--config", str(file), "--batch-size", "7", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows["port"] == {"value": "8701", "from": "environment"}
    assert rows["batch_size"] == {"value": "7", "from": "command line"}
    assert rows["rpc"]["from"] == str(file)


def test_a_wrong_setting_ends_with_2_and_says_which(
    good: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("URNA_GATEWAY_CONFIG", raising=False)
    options = [part for name, value in good.items() for part in (f"--{name}", value)]
    assert run_alone([*options, "--port", "x"]) == 2
    assert "port = x" in capsys.readouterr().err
    assert cli.main(["gateway", "run", "--port", "x"]) == 2
    assert "entity" in capsys.readouterr().err


def test_check_names_what_fails_and_tries_the_rest(good: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    options = [part for name, value in good.items() for part in (f"--{name}", value)]
    assert cli.main(["gateway", "check", *options, "--json"]) == 1
    found = {one["check"]: one["ok"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert found == {"entity": False, "deployment": False, "chain": False, "issuers": False} | {
        "database": True,
        "disk": found["disk"],
    }


def test_the_handbook_lists_every_setting() -> None:
    """Where this fails, the table of docs/operations.md is to be what it says."""
    written = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    for name, field in Settings.model_fields.items():
        if field.is_required():
            default = "required"
        elif isinstance(field.default, tuple):
            default = ", ".join(str(each) for each in field.default) or "none"
        else:
            default = "none" if field.default is None else str(field.default)
        assert f"| `{name}` | {default} | {field.description} |" in written
