# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a gateway promises, and that a promise which it does not keep can be shown to be broken (G8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.promises import LEAST_PACE, STEP
from node.chain_evidence import Evidence, Found, gather
from node.cli import main
from node.errors import RpcInvalidAnswer
from node.keys import Key, new_account_secret
from node.promises import KINDS, Given, Judge, Outcome, Verdict, check
from node.trustee import TrusteeRun
from protocol import eip712
from protocol.ballot import ballot_hash, parse_entry
from protocol.eip712 import Promise
from protocol.events import EntityAdmitted, InitiativeVoided, Registered
from protocol.evidence import content_hash
from protocol.identity import Identity
from protocol.promise import SignedPromise
from protocol.types import (
    Address,
    Commitment,
    EntityId,
    Hash32,
    InitiativeId,
    Phase,
    PromiseKind,
    Role,
    VoidReason,
)
from tests.gateway.consortium import Consortium, landed, until
from tests.node.town import NAMES

HORIZON = 10.0


@dataclass
class Voting:
    """An initiative open for voting. Gateway A drops what it accepts: its relay does not run."""

    consortium: Consortium
    initiative: InitiativeId
    voters: Iterator[Identity]

    def cast(self, name: str, entry: bytes) -> httpx.Response:
        path = f"/v1/initiatives/{self.initiative}/ballots"
        return self.consortium.clients[name].post(path, json={"entry": "0x" + entry.hex()})

    def ballot(self, voter: Identity, sequence: int = 1) -> bytes:
        return self.consortium.ballot(self.initiative, voter, sequence)

    def promised(self, name: str, entry: bytes) -> Given:
        answer = self.cast(name, entry)
        assert answer.status_code == 202, answer.text
        return Given(SignedPromise.from_json(answer.json()["promise"]), entry)

    def in_the_box(self, entry: bytes) -> None:
        record = parse_entry(entry, self.consortium.view().words(self.initiative)).record
        until(lambda: self.consortium.town.read("BallotBox", "slotOf", self.initiative, record.nullifier) != 0)

    def pass_blocks(self, given: Given) -> None:
        """Until the promise is due."""
        left = given.signed.promise.latest_block - self.consortium.town.rpc.block_number()
        if left > 0:
            self.consortium.town.rpc.call("anvil_mine", [hex(left), "0x0"])

    def verdict(self, given: Given) -> Verdict:
        (verdict,) = check(self.consortium.town.rpc, self.consortium.town.deployment, [given])
        return verdict


@pytest.fixture(scope="module")
def voting(consortium: Consortium) -> Iterator[Voting]:
    initiative, voters = consortium.voting(12)
    consortium.stop("A")
    consortium.start("A", promise_horizon=HORIZON)
    for worker in consortium.gateways["A"].workers:
        worker.stop()
    yield Voting(consortium, initiative, iter(voters))
    consortium.stop("A")
    consortium.start("A")


@pytest.fixture
def voter(voting: Voting) -> Identity:
    return next(voting.voters)


def test_G8_a_dropped_ballot_is_a_broken_promise_and_counts_through_another_gateway(
    voting: Voting, voter: Identity, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The voter holds A's signed acceptance; B takes the same ballot; anyone sees that A did not keep its word."""
    monkeypatch.setattr("node.cli.options.require_pinned_key", lambda rpc, deployment: None)  # a trapdoor key here
    town = voting.consortium.town
    entry = voting.ballot(voter)
    answer = voting.cast("A", entry)
    assert answer.status_code == 202
    assert voting.cast("A", entry).json() == answer.json()
    file, net = tmp_path / "answer.json", tmp_path / "net.json"
    file.write_text(json.dumps({**answer.json(), "entry": "0x" + entry.hex()}))
    town.deployment.save(net)
    at = [str(file), "--rpc", town.engine.url, "--deployment", str(net), "--json"]

    def run() -> tuple[int, Any]:
        code = main(["promise", "check", *at])
        return code, json.loads(capsys.readouterr().out)["verdicts"][0]

    code, verdict = run()
    assert (code, verdict["outcome"]) == (3, "not-due")
    given = Given(SignedPromise.from_json(answer.json()["promise"]), entry)
    voting.pass_blocks(given)
    code, verdict = run()
    assert (code, verdict["outcome"]) == (1, "broken")
    assert verdict["promise"] == answer.json()["promise"]
    assert verdict["read_to"]["block"] == given.signed.promise.latest_block
    assert verdict["read_to"]["hash"] == "0x" + town.rpc.block(verdict["read_to"]["block"]).hash.hex()
    assert voting.consortium.clients["A"].get(f"/v1/initiatives/{voting.initiative}").json()["distinct"] == 0

    kept = voting.promised("B", entry)
    voting.in_the_box(entry)
    assert voting.verdict(kept).outcome is Outcome.KEPT
    late = voting.verdict(given)
    assert late.outcome is Outcome.BROKEN  # as of the block that was promised, for ever
    code, verdict = run()
    assert (code, verdict["outcome"]) == (1, "broken")


def test_G8_who_was_overtaken_by_the_own_later_ballot_was_not_let_down(voting: Voting, voter: Identity) -> None:
    first = voting.promised("A", voting.ballot(voter))
    assert voting.verdict(first).outcome is Outcome.NOT_DUE
    later = voting.ballot(voter, 2)
    voting.cast("B", later)
    voting.in_the_box(later)
    verdict = voting.verdict(first)
    assert (verdict.outcome, verdict.block is not None) == (Outcome.KEPT, True)
    assert "sequence 2 took its place" in verdict.reason


def test_G8_two_ballots_of_one_sequence_are_the_voters_own_doing(voting: Voting, voter: Identity) -> None:
    one, other = voting.ballot(voter), voting.ballot(voter)
    given = voting.promised("A", one)
    voting.cast("B", other)
    voting.in_the_box(other)
    voting.pass_blocks(given)
    assert "sequence 1 took its place" in voting.verdict(given).reason


def test_G8_what_is_no_promise_of_the_entity(voting: Voting, voter: Identity) -> None:
    given = voting.promised("A", voting.ballot(voter))
    signed, promise = given.signed, given.signed.promise
    thief = Key(new_account_secret())
    other_entry = voting.ballot(voter)

    def by_thief(signed: SignedPromise) -> SignedPromise:
        digest = eip712.digest(signed.promise, signed.chain_id, signed.contract)
        return replace(signed, signature=thief.sign_digest(digest))

    wrong: list[Given] = [
        replace(given, signed=by_thief(signed)),
        replace(given, signed=replace(signed, promise=replace(promise, entity=EntityId(2)))),
        replace(given, signed=replace(signed, promise=replace(promise, latest_block=promise.latest_block - 1))),
        replace(given, signed=replace(signed, promise=replace(promise, initiative=InitiativeId(999)))),
        replace(given, signed=replace(signed, promise=replace(promise, kind=PromiseKind.PROPOSAL))),
        replace(given, signed=replace(signed, chain_id=1)),
        replace(given, signed=replace(signed, contract=Address(b"\1" * 20))),
        replace(given, signed=replace(signed, signature=bytes(65))),
        replace(given, entry=None),
        replace(given, entry=other_entry),
        replace(given, entry=b"\0" * 700),
    ]
    town = voting.consortium.town
    verdicts = check(town.rpc, town.deployment, [given, *wrong])
    assert [verdict.outcome for verdict in verdicts] == [Outcome.NOT_DUE] + [Outcome.INVALID] * len(wrong)


def test_a_file_that_holds_no_promise_is_told_so(
    voting: Voting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--rpc", voting.consortium.town.engine.url, "--deployment", str(tmp_path / "none.json"), "--json"]
    for text in ("", "[]x", "7", "{}", '{"promise": 7}', '{"promise": {"kind": "ballot"}}', "[" * 100_000):
        (tmp_path / "p.json").write_text(text)
        assert main(["promise", "check", str(tmp_path / "p.json"), *at]) == 2
        assert json.loads(capsys.readouterr().out)["error"]["name"] == "PromiseFileError"


def test_a_promise_names_no_time_and_no_order_but_a_round_block(voting: Voting) -> None:
    """Ballots that come one after another have the same latest block, but where a step ends between them."""
    given = [voting.promised("A", voting.ballot(next(voting.voters))) for _ in range(3)]
    blocks = {one.signed.promise.latest_block for one in given}
    head = voting.consortium.town.rpc.block_number()
    assert all(block % STEP == 0 for block in blocks)
    assert len(blocks) <= 2
    assert min(blocks) >= head + HORIZON * LEAST_PACE - STEP
    fields = set(given[0].signed.to_json())
    assert fields == {"entity", "kind", "initiative", "content", "latest_block", "chain_id", "contract", "signature"}


# Kept: everything that is accepted, by gateways as they are


def test_G8_registrations_replacements_and_proposals_are_promised_and_promises_are_kept(consortium: Consortium) -> None:
    initiative = consortium.initiative()
    client, path = consortium.clients["B"], f"/v1/initiatives/{initiative}"
    first = client.post(f"{path}/registrations", json=consortium.registration(initiative, "mara")).json()
    body = consortium.proposal(
        initiative, "mara", {"title": "a bench"}, content_hash({"title": "a bench"}, bytes(32)), bytes(32)
    )
    proposal = client.post(f"{path}/proposals", json=body).json()
    assert landed(client, f"/v1/registrations/{first['registration']}")["promise"] == first["promise"]
    assert landed(client, f"/v1/submissions/{proposal['submission']}")["promise"] == proposal["promise"]
    consortium.await_current()
    second = client.post(f"{path}/replacements", json=consortium.replacement(initiative, "mara", 99)).json()
    landed(client, f"/v1/registrations/{second['registration']}")

    given = [Given(SignedPromise.from_json(one["promise"])) for one in (first, proposal, second)]
    assert [one.signed.promise.kind for one in given] == [
        PromiseKind.REGISTRATION,
        PromiseKind.PROPOSAL,
        PromiseKind.REPLACEMENT,
    ]
    verdicts = check(consortium.town.rpc, consortium.town.deployment, given)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.KEPT] * 3
    for verdict in verdicts:
        assert verdict.block is not None
        hashes = {one.hash for one in consortium.town.rpc.full_block(verdict.block).transactions}
        assert verdict.transaction in hashes


def test_G8_who_registers_through_two_members_makes_neither_break_its_word(consortium: Consortium) -> None:
    """Several tokens and commitments at the same time: one is taken, the others are skipped on the chain."""
    initiative = consortium.initiative()
    path = f"/v1/initiatives/{initiative}/registrations"
    bodies = [consortium.registration(initiative, "nadia") for _ in range(3)]
    answers = [consortium.clients[name].post(path, json=body) for name, body in zip("BCB", bodies, strict=True)]
    assert [answer.status_code for answer in answers] == [202] * 3
    ended = [
        landed(consortium.clients[name], f"/v1/registrations/{answer.json()['registration']}")["status"]
        for name, answer in zip("BCB", answers, strict=True)
    ]
    assert sorted(ended) == ["failed", "failed", "final"]
    given = [Given(SignedPromise.from_json(answer.json()["promise"])) for answer in answers]
    found = [verdict.outcome for verdict in check(consortium.town.rpc, consortium.town.deployment, given)]
    assert sorted(found) == [Outcome.KEPT, Outcome.RELEASED, Outcome.RELEASED]


# Judging, by hand-made evidence

ENTITY, ACCOUNT = EntityId(1), Key(new_account_secret())
SEVEN, COMMITMENT = InitiativeId(7), Commitment(5)


def judged(consortium: Consortium, last: int, *events: tuple[int, Any]) -> Verdict:
    """A registration promised for block 100."""
    deployment = consortium.town.deployment
    promise = Promise(ENTITY, PromiseKind.REGISTRATION, SEVEN, Hash32(COMMITMENT.to_bytes(32, "big")), 100)
    contract = Address(deployment.address("Electorate"))
    signature = ACCOUNT.sign_digest(eip712.digest(promise, deployment.chain_id, contract))
    accounts = tuple(Address(ACCOUNT.address if role is Role.GATEWAY else bytes([role + 1]) * 20) for role in Role)
    admitted: Any = EntityAdmitted(ENTITY, "A", "http://a", accounts)
    found = tuple(Found(event, block, bytes(32)) for block, event in [(1, admitted), *events])
    judge = Judge(deployment, Evidence(1, last, bytes(32), found))
    return judge.judge(Given(SignedPromise(promise, deployment.chain_id, contract, signature)))


REGISTERED = Registered(
    SEVEN, Hash32(bytes(32)), 0, (), (COMMITMENT,), Hash32(bytes(32)), (EntityId(1), EntityId(2)), 0
)


def test_G8_verdicts_to_the_block(consortium: Consortium) -> None:
    void = InitiativeVoided(SEVEN, VoidReason.MOTION, "")
    cases: list[tuple[int, list[tuple[int, Any]], Outcome]] = [
        (99, [], Outcome.NOT_DUE),
        (100, [], Outcome.BROKEN),
        (100, [(100, REGISTERED)], Outcome.KEPT),
        (150, [(101, REGISTERED)], Outcome.BROKEN),
        (50, [(50, REGISTERED)], Outcome.KEPT),
        (150, [(50, replace(REGISTERED, initiative=InitiativeId(8)))], Outcome.BROKEN),
        (150, [(100, void)], Outcome.RELEASED),
        (150, [(101, void)], Outcome.BROKEN),
        (150, [(90, REGISTERED), (95, void)], Outcome.KEPT),
    ]
    for last, events, outcome in cases:
        assert judged(consortium, last, *events).outcome is outcome, (last, events)


# A node that lies


@pytest.mark.parametrize("hide", ["bloom", "logs"])
def test_G8_a_node_cannot_hide_what_stands_there(
    voting: Voting, voter: Identity, monkeypatch: pytest.MonkeyPatch, hide: str
) -> None:
    """A gateway's enemy runs the node: a bloom without our event, or receipts without it, do not hash to the header."""
    town = voting.consortium.town
    entry = voting.ballot(voter)
    given = voting.promised("B", entry)
    voting.in_the_box(entry)
    verdict = voting.verdict(given)
    assert verdict.outcome is Outcome.KEPT
    truly = town.rpc.batch

    def lie(method: str, many: Any) -> list[Any]:
        listed = list(many)
        answers = truly(method, listed)
        for params, answer in zip(listed, answers, strict=True):
            if int(str(params[0]), 16) != verdict.block:
                continue
            if method == "eth_getBlockByNumber" and hide == "bloom":
                answer["logsBloom"] = "0x" + "00" * 256  # type: ignore[index]
            if method == "eth_getBlockReceipts" and hide == "logs":
                for receipt in answer:  # type: ignore[attr-defined]
                    receipt["logs"] = []
        return answers

    monkeypatch.setattr(town.rpc, "batch", lie)
    with pytest.raises(RpcInvalidAnswer):
        voting.verdict(given)


def test_evidence_tells_how_far_it_is(consortium: Consortium) -> None:
    last, seen = consortium.town.rpc.block_number(), list[tuple[int, int]]()
    evidence = gather(
        consortium.town.rpc, consortium.town.deployment, KINDS, last, lambda done, all_: seen.append((done, all_))
    )
    whole = last - consortium.town.deployment.block + 1
    assert (evidence.first, evidence.last) == (consortium.town.deployment.block, last)
    assert evidence.last_hash == consortium.town.rpc.block(last).hash
    assert seen[-1] == (whole, whole)
    assert all(one.block <= last for one in evidence.found)


def test_the_hash_that_is_promised_is_the_ballots(voting: Voting, voter: Identity) -> None:
    view = voting.consortium.view()
    given = voting.promised("A", voting.ballot(voter))
    assert given.entry is not None
    record = parse_entry(given.entry, view.words(voting.initiative)).record
    assert given.signed.promise.content == ballot_hash(view.ballot_scope(voting.initiative), record)


def test_G8_the_tally_is_complete_though_one_gateway_drops_ballots(consortium: Consortium) -> None:
    initiative, voters = consortium.voting(4)
    for worker in consortium.gateways["A"].workers:
        worker.stop()
    try:
        path, entries = f"/v1/initiatives/{initiative}/ballots", [consortium.ballot(initiative, one) for one in voters]
        for entry in entries:
            assert consortium.clients["A"].post(path, json={"entry": "0x" + entry.hex()}).status_code == 202
        for entry in entries:
            assert consortium.clients["C"].post(path, json={"entry": "0x" + entry.hex()}).status_code == 202
        until(lambda: consortium.clients["C"].get(f"/v1/initiatives/{initiative}").json()["distinct"] == 4)
        consortium.town.until(consortium.windows(initiative).votingCloses + 3600)
        for _ in range(2):
            for name in NAMES:
                TrusteeRun(consortium.town.members[name]).run(initiative)
        assert consortium.town.read("Initiatives", "phase", initiative) == Phase.COUNTED
        consortium.await_current()
        counted = consortium.clients["B"].get(f"/v1/initiatives/{initiative}/counts").json()
        assert (counted["counted"], counted["valid"]) == (4, 4)
    finally:
        consortium.stop("A")
        consortium.start("A")
