# SPDX-License-Identifier: AGPL-3.0-or-later
"""The observer on a live node and on a file; its reports; what it does with a source that is none (O2)."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from node import cli, publisher
from node.engine import EmbeddedEngine
from node.keys import Call
from node.observer import LiveSource, MalformedBundle, PublishedSource, Report, export, load, observe, read
from node.observer.pages import html_page
from node.publisher import Acceptance
from node.rpc import Receipt
from node.trustee import TrusteeRun
from protocol import ceremony
from protocol.checks import CHECKS, Outcome
from protocol.choice import Approval, Blank
from protocol.hashing import words
from protocol.identity import Identity
from protocol.types import Role
from tests.node.election import BALLOT
from tests.node.observer.conftest import Observe
from tests.node.observer.mutations import replaced
from tests.node.town import Town, open_town, raw_call, trapdoor

# Calls the address in its first word with what stands from the offset in its second on, and reverts if that does.
FORWARDER = bytes.fromhex(
    "6024600c60003960246000f3" + "60203580360380916000376000600082600060006000355af115601e57005b60006000fd"
)


@pytest.fixture(scope="module")
def town(engine: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(engine, tmp_path_factory.mktemp("town")) as opened:
        for member in opened.members.values():
            TrusteeRun(member).run()
        yield opened


def opened_for_voting(town: Town, register: Callable[[int], list[Identity]]) -> tuple[int, list[Identity]]:
    """An initiative with one option whose voting is open, and its voters."""
    draft = town.draft(ballot=BALLOT)
    initiative = publisher.create(town.members["A"], draft, patience=0.1).initiative
    windows = draft.rules.windows
    town.until(windows.registration_opens)
    voters = register(initiative)
    town.submit(initiative, 1)
    publisher.accept(town.members["A"], initiative, [Acceptance(1, 10)])
    for name in "ABC":
        TrusteeRun(town.members[name]).run(initiative)
    town.until(windows.registration_opens + 1200)
    TrusteeRun(town.members["A"]).run(initiative)
    town.until(windows.voting_opens)
    return initiative, voters


def outcome(report: Report, check: str) -> tuple[Outcome, str]:
    (line,) = [one for one in report.checks if one.id == check]
    return line.outcome, line.detail


def without_time(report: Report) -> Report:
    assert report.figures is not None
    return replace(report, figures=replace(report.figures, seconds=0))


@pytest.mark.slow
def test_O2_a_live_node_and_its_bundle_give_the_same_report(
    town: Town, source: PublishedSource, tmp_path: Path
) -> None:
    """In the middle of an election, with the trapdoor's key, which is refused unless it is asked for."""
    initiative, voters = opened_for_voting(town, lambda number: town.register(number, 4))
    town.cast(
        initiative, [town.ballot(initiative, voters[0], Approval((0,))), town.ballot(initiative, voters[1], Blank())]
    )

    live = LiveSource(town.rpc, town.deployment.to_json())
    path = tmp_path / "bundle.json.gz"
    done = export(live, path)
    key_hash = trapdoor()[0].key_hash()
    first = observe(live, source, pinned=key_hash)
    second = observe(load(path), source, pinned=key_hash)
    refused = observe(load(path), source)

    assert done.blocks == live.head.number + 1
    assert first.ok
    assert outcome(first, "result.attested")[0] is Outcome.NOT_VERIFIABLE
    assert first.initiatives[initiative].distinct == 2
    assert without_time(first) == without_time(second)
    assert {check.id for check in refused.failed} == {"code.source"}
    assert outcome(refused, "ballots.proofs")[0] is Outcome.NOT_VERIFIABLE
    assert "pinned" in outcome(refused, "code.source")[1]


@pytest.mark.slow
def test_a_transaction_signed_for_no_chain_stops_no_observer(town: Town, source: PublishedSource) -> None:
    """Anybody may send one (before EIP-155 there was no chain id in a signature); it is only counted."""
    stranger = Account.create()
    fields = {"nonce": 0, "gasPrice": 0, "gas": 21_000, "to": stranger.address, "value": 0, "data": b""}
    signed = stranger.sign_transaction(fields)
    assert signed.v in (27, 28)
    hash_ = town.rpc.send_raw(bytes(signed.raw_transaction))
    end = time.monotonic() + 20
    while town.rpc.receipts([hash_])[0] is None:
        assert time.monotonic() < end, "the engine does not mine it"

    report = observe(LiveSource(town.rpc, town.deployment.to_json()), source, pinned=trapdoor()[0].key_hash())

    assert not report.failed
    passed, detail = outcome(report, "chain.transactions")
    assert passed is Outcome.PASSED
    assert "1 not signed for this chain" in detail


@pytest.mark.slow
def test_B11_what_comes_through_another_contract_is_verified_from_events(
    town: Town, source: PublishedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Registrations and ballots, whoever brings them; an act that a contract sent is said to be not verifiable."""
    forwarder = town.relay.call(Call(None, FORWARDER, "a forwarder")).contract
    assert forwarder is not None

    def forwarded(contract: str, function: str, *arguments: Any) -> Receipt:
        bound = town.deployment.contract(contract)
        inner = bound.call(function, *arguments).data
        decoy = b""
        if function == "register":  # before the call that is made, one of the same batch that nobody signed
            decoy = bound.call(function, arguments[0], [(1, b"\x01" * 65), (2, b"\x02" * 65)]).data
        head = words(bound.address, 64 + len(decoy))
        return town.relay.call(Call(forwarder, head + decoy + inner, "through the forwarder"))

    with monkeypatch.context() as patched:
        patched.setattr(town, "call", forwarded)
        initiative, voters = opened_for_voting(town, lambda number: town.register(number, 4))
        town.cast(initiative, [town.ballot(initiative, voter, Approval((0,))) for voter in voters[:3]])
    key_hash = trapdoor()[0].key_hash()
    report = observe(LiveSource(town.rpc, town.deployment.to_json()), source, pinned=key_hash, initiative=initiative)

    assert report.ok
    assert report.initiatives[initiative].distinct == 3
    for check in ("electorate.signatures", "proposals", "ballots.proofs", "consortium.accounts"):
        assert outcome(report, check)[0] is Outcome.PASSED, check

    consortium = town.deployment.contract("Consortium")
    raw_call(town, "C", Role.MEMBER, consortium.call("setAccount", Role.TRUSTEE, "0x" + forwarder.hex()))
    key = ceremony.trustee_key(77)
    proof = ceremony.prove_possession(77, town.deployment.chain_id, consortium.address, town.members["C"].entity)
    forwarded("Consortium", "registerTrusteeKey", key, proof)
    report = observe(LiveSource(town.rpc, town.deployment.to_json()), source, pinned=key_hash, initiative=initiative)

    # Without seals nothing shows that the entity was behind that act: no failure, and no pass.
    assert not report.failed
    assert [check.id for check in report.gaps] == ["consortium.accounts"]
    assert not report.ok
    assert outcome(report, "ceremony.dealings")[0] is Outcome.PASSED
    assert outcome(report, "consortium.accounts")[0] is Outcome.NOT_VERIFIABLE
    assert "1 acts came through other contracts" in outcome(report, "consortium.accounts")[1]


def test_officers_acts_are_told_from_others(bundle: dict[str, Any], observing: Observe) -> None:
    """The three reports and the erasure of the election's publisher."""
    detail = outcome(observing(bundle), "consortium.accounts")[1]
    assert detail.endswith("; 4 calls name an officer's record")


def test_the_command_prints_one_object_and_writes_a_page(
    bundle: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = tmp_path / "bundle.json.gz", tmp_path / "pages" / "report.html"
    with gzip.open(path, "wt", encoding="utf-8") as packed:
        json.dump(bundle, packed)

    trusted = tmp_path / "deployment.json"
    trusted.write_text(json.dumps(bundle["deployment"]), encoding="utf-8")

    assert cli.main(["observe", str(path), "--json"]) == 1
    alone = json.loads(capsys.readouterr().out)
    assert (alone["ok"], alone["gaps"]) == (False, ["chain.genesis"])  # nobody else vouches for its genesis

    code = cli.main(["observe", str(path), "--deployment", str(trusted), "--json", "--html", str(page)])
    answer = json.loads(capsys.readouterr().out)

    assert code == 0
    assert answer["ok"] is True
    assert [check["id"] for check in answer["checks"]] == list(CHECKS)
    assert {"id", "name", "outcome", "detail"} == set(answer["checks"][0])
    assert answer["figures"]["blocks"] == len(bundle["blocks"])
    assert [option["score"] for option in answer["initiatives"]["2"]["options"]] == bundle["claims"]["2"]["totals"]
    assert "chain.seals" in page.read_text(encoding="utf-8")


def test_the_command_fails_with_the_report_printed(
    bundle: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(replaced(bundle, ("claims", "2", "size"), 9)), encoding="utf-8")

    code = cli.main(["observe", str(path)])
    shown = capsys.readouterr().out

    assert code == 1
    assert "FAILED: claims" in shown
    assert "size is 9" in shown.replace("\n", "")


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"{}", b"[1]", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b"NaN"]
)
def test_a_file_that_is_no_bundle_is_said(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(content)

    code = cli.main(["observe", str(path), "--json"])
    answer = json.loads(capsys.readouterr().out)

    assert code == 1
    assert [check["id"] for check in answer["checks"] if check["outcome"] == "failed"] == ["bundle.form"]
    assert not [check for check in answer["checks"] if check["outcome"] == "passed"]


def test_a_packed_bundle_cut_short_is_said(bundle: dict[str, Any], tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(bundle).encode(), 1)
    path = tmp_path / "bundle.json.gz"
    for length in (0, 5, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:length])
        with pytest.raises(MalformedBundle):
            load(path)


def test_wrong_usage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["observe", str(tmp_path / "nothing.json")]) == 2
    assert cli.main(["observe", "http://127.0.0.1:1"]) == 2
    deployment = tmp_path / "deployment.json"
    deployment.write_text("{}", encoding="utf-8")
    assert cli.main(["export", "--rpc", "http://127.0.0.1:1", "--deployment", str(deployment), "--out", "x.txt"]) == 2
    capsys.readouterr()


def test_one_initiative_alone(bundle: dict[str, Any], source: PublishedSource) -> None:
    report = observe(read(bundle), source, initiative=2)

    assert report.ok
    assert set(report.initiatives) == {2}
    assert "initiative 1" not in outcome(report, "electorate.signatures")[1]


def test_the_page_has_nothing_remote_and_escapes_what_people_wrote(bundle: dict[str, Any], observing: Observe) -> None:
    report = observing(bundle)
    title = '<script>alert("x")</script>'
    figures = {2: replace(report.initiatives[2], title=title)}
    page = html_page(replace(report, initiatives=figures))

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("http://", "https://", "url(", "src=", "@import"))
    assert page.count('class="bar"') == 8 + 3


def test_what_is_not_verifiable_never_counts_as_passed(observing: Observe, bundle: dict[str, Any]) -> None:
    """A chain that breaks in its middle: what was not reached is not verifiable, and the report fails."""
    blocks = bundle["blocks"]
    report = observing({**bundle, "blocks": [*blocks[:30], *blocks[31:]]})
    outcomes = {check.id: check.outcome for check in report.checks}

    assert not report.ok
    assert outcomes["chain.headers"] is Outcome.FAILED
    assert {check for check, one in outcomes.items() if one is Outcome.PASSED} == {"bundle.form"}
