# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small election with the ceremony's real keys, in which everything happens that events can tell, and its bundle."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

from node import motions, publisher
from node.compiler import build
from node.engine import EmbeddedEngine
from node.keys import Call
from node.observer import LiveSource, export
from node.prover import Prover
from node.publisher import Acceptance, Execution
from node.trustee import TrusteeRun
from protocol import ceremony, plaintext
from protocol.ballot import Channel, Entry, ballot_hash, ballot_scope
from protocol.ceremony import Epoch
from protocol.choice import Approval, BallotPaper, Blank, Choice
from protocol.eip712 import RegistrationBatch, Replacement
from protocol.electorate import ElectorateTree
from protocol.hashing import keccak
from protocol.identity import Identity
from protocol.sealing import seal
from protocol.types import ExecutionStatus, G1Point, Hash32, InitiativeId, Role, Tag
from tests.node.town import Town, open_town, raw_call
from tests.protocol.chronicle import BROKER_KEY

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "election"
VOTERS = 8
DAY = 86400
IN_PROGRESS, DONE, CANCELLED = ExecutionStatus.IN_PROGRESS, ExecutionStatus.DONE, ExecutionStatus.CANCELLED
BALLOT = {"type": "approval", "min-length": 1, "max-length": 2}
KEPT = 8
# Not the checks: they read a bundle, and have no part in it.
_SOURCES = (
    *("node/*.py", "node/rpc/*.py", "protocol/*.py", "protocol/state/*.py", "protocol/allocation/*.py"),
    *(f"node/observer/{name}.py" for name in ("bundle", "codec", "export", "live", "replay", "source")),
    *("tests/node/town.py", "tests/node/election.py"),
)


def source_hash() -> str:
    """Of everything that the bundle depends on."""
    hashed = hashlib.sha256(build(ROOT).input_hash)
    for pattern in _SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            hashed.update(path.read_bytes())
    return hashed.hexdigest()[:32]


def bundle_of_an_election(folder: Path) -> dict[str, Any]:
    """The bundle, parsed; held once for each state of the sources."""
    kept = CACHE / f"{source_hash()}.json.gz"
    if not kept.exists():
        unfinished = kept.with_name(f"{os.getpid()}.json.gz")
        hold(folder, unfinished)
        unfinished.replace(kept)
        for older in sorted(CACHE.glob("*.json.gz"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            older.unlink(missing_ok=True)
    with gzip.open(kept, "rb") as file:
        content: dict[str, Any] = json.load(file)
    return content


def hold(folder: Path, bundle: Path) -> None:
    """Holds the election on a chain of its own, and exports the bundle."""
    with EmbeddedEngine(folder / "engine") as engine, open_town(engine, folder, pinned=True) as town:
        Election(town).hold()
        export(LiveSource(town.rpc, town.deployment.to_json()), bundle)


class Election:
    """Approval of at most two of three options, eight persons; `voters` by place in the electorate."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.initiative = 0
        self.voters: list[Identity] = []
        self.tags: list[Tag] = []
        self.prover = Prover()

    def hold(self) -> None:
        """From the consortium's first motion to the attested result."""
        self.govern()
        self.announce()
        self.propose()
        self.register()
        self.make_the_key()
        self.review()
        self.vote()
        self.open()
        self.follow_up()

    def govern(self) -> None:
        """Trustees' keys, motions, an endpoint, a broker's key."""
        town = self.town
        for member in town.members.values():
            TrusteeRun(member).run()
        consortium = town.deployment.contract("Consortium")
        motions.add_suite(town.members["A"])
        motions.add_suite(town.members["B"])
        change = consortium.interface.encode("setMinimumAnonymity", (4,))
        raw_call(town, "C", Role.MEMBER, consortium.call("propose", consortium.address, change))
        motions.approve(town.members["A"], 2)
        raw_call(town, "C", Role.MEMBER, consortium.call("setEndpoint", "https://c.example.org"))
        raw_call(town, "C", Role.MEMBER, consortium.call("registerBrokerKey", BROKER_KEY))

    def announce(self) -> None:
        """One initiative that is withdrawn, and the one that is held."""
        town = self.town
        withdrawn = publisher.create(town.members["B"], town.draft(**{"minimum-anonymity": 4}), patience=0.1).initiative
        initiatives = town.deployment.contract("Initiatives")
        raw_call(town, "B", Role.PUBLISHER, initiatives.call("withdraw", withdrawn, "The budget was cut."))
        draft = town.draft(**{"ballot": BALLOT, "minimum-anonymity": 4})
        opens = draft.rules.windows.registration_opens
        windows = replace(
            draft.rules.windows, voting_closes=opens + 7200 + 2 * DAY, max_extension=DAY, ceremony_step=600
        )
        draft = replace(draft, rules=replace(draft.rules, windows=windows))
        self.initiative = publisher.create(town.members["A"], draft, patience=0.1).initiative
        town.until(opens)

    def propose(self) -> None:
        """Four proposals: one is rejected and erased, one accepted on appeal, one gets another cost."""
        town, member = self.town, self.town.members["A"]
        town.submit(self.initiative, 4)
        publisher.reject(member, self.initiative, 2, feasible=False, reason="Not on the municipality's ground.")
        publisher.reject(member, self.initiative, 3, feasible=True, reason="Too vague.")
        publisher.accept(member, self.initiative, [Acceptance(4, 30), Acceptance(1, 80, "fits"), Acceptance(3, 20)])
        publisher.accept(member, self.initiative, [Acceptance(4, 40)])
        publisher.erase_proposal(member, self.initiative, 2, "Names a neighbour.")

    def register(self) -> None:
        """Two batches; a known tag and a copied commitment are skipped in the second. One commitment is replaced."""
        town = self.town
        self._register([(self._tag(), Identity(_secret())) for _ in range(5)])
        entries = [(self._tag(), Identity(_secret())) for _ in range(3)]
        copied = (self._tag(), self.voters[1])
        self._register([entries[0], (self.tags[0], Identity(_secret())), *entries[1:], copied], skipped=(1, 4))
        new = Identity(_secret())
        replacement = Replacement(
            initiative=InitiativeId(self.initiative),
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=town.now() + 3000,
            tag=self.tags[2],
            old_commitment=self.voters[2].commitment(),
            new_commitment=new.commitment(),
            evidence_root=Hash32(secrets.token_bytes(32)),
        )
        town.call("Electorate", "queueReplacement", replacement, town.signatures(replacement, "BC"))
        self.voters[2] = new

    def _tag(self) -> Tag:
        return Tag(secrets.token_bytes(32))

    def _register(self, entries: list[tuple[Tag, Identity]], skipped: tuple[int, ...] = ()) -> None:
        batch = RegistrationBatch(
            initiative=InitiativeId(self.initiative),
            batch_id=Hash32(secrets.token_bytes(32)),
            valid_until=self.town.now() + 3000,
            tags=tuple(tag for tag, _ in entries),
            commitments=tuple(identity.commitment() for _, identity in entries),
            evidence_root=Hash32(secrets.token_bytes(32)),
        )
        self.town.call("Electorate", "register", batch, self.town.signatures(batch, "AB"))
        kept = [entry for place, entry in enumerate(entries) if place not in skipped]
        self.tags += [tag for tag, _ in kept]
        self.voters += [identity for _, identity in kept]

    def make_the_key(self) -> None:
        """Three dealings, one of them with a bad share; two complaints, one of them false; two dealers qualify."""
        town = self.town
        contract = town.deployment.contract("Ceremony")
        keys = [G1Point(key.x, key.y) for key in town.read("Ceremony", "trusteeKeys", self.initiative)]
        epoch = Epoch(town.deployment.chain_id, contract.address, self.initiative, 0)
        good = ceremony.deal_polynomial([_secret(), _secret()], _secret(), epoch, 2, keys)
        bad = replace(good, shares=(good.shares[0] ^ 1, *good.shares[1:]))
        raw_call(town, "B", Role.TRUSTEE, contract.call("deal", self.initiative, bad))
        raw_call(town, "C", Role.TRUSTEE, self._false_complaint(bad, epoch))
        self.run("C")
        self.run("A")  # deals, and complains of B's share
        town.until(town.read("Ceremony", "epochOf", self.initiative).startsAt + 1200)
        self.run("A")

    def _false_complaint(self, dealing: Any, epoch: Epoch) -> Call:
        secret = TrusteeRun(self.town.members["C"])._keys.decryption_key
        false = ceremony.complain(dealing, epoch, 2, 3, secret)
        contract = self.town.deployment.contract("Ceremony")
        return contract.call("complain", self.initiative, 2, dealing, false.shared, false.proof)

    def review(self) -> None:
        """The replacement is applied."""
        self.town.until(self.windows().registrationCloses)
        self.run("B")

    def vote(self) -> None:
        """All vote but the last; one twice, one blank, one null; an old ballot comes again; voting is extended."""
        town, voters = self.town, self.voters
        town.until(self.windows().votingOpens)
        first = [self.ballot(0, Approval((0,))), self.ballot(1, Approval((0, 1))), self.ballot(2, Approval((2,)))]
        town.cast(self.initiative, first)
        initiatives, close = town.deployment.contract("Initiatives"), self.windows().votingCloses
        raw_call(town, "A", Role.PUBLISHER, initiatives.call("proposeExtension", self.initiative, close + 3600))
        raw_call(town, "C", Role.MEMBER, initiatives.call("approveExtension", self.initiative, close + 3600))
        second = [self.ballot(3, Blank()), self.ballot(4, b"\xff" * 32, channel=Channel.ASSISTED)]
        town.cast(self.initiative, [*second, first[0], self.ballot(0, Approval((1, 2)), sequence=2)])
        town.cast(self.initiative, [self.ballot(5, Approval((1,))), self.ballot(6, Approval((0, 2)))])
        assert len(voters) == VOTERS

    def ballot(
        self, voter: int, choice: Choice | bytes, sequence: int = 1, channel: Channel = Channel.OWN_DEVICE
    ) -> Entry:
        """A sealed ballot with its proof; `choice` may be the plaintext itself."""
        town = self.town
        scope = ballot_scope(town.deployment.chain_id, town.deployment.address("BallotBox"), self.initiative)
        key = town.read("Ceremony", "jointKey", self.initiative)
        rules = town.draft(ballot=BALLOT).rules.ballot
        paper = BallotPaper(rules, tuple(town.read("Proposals", "costs", self.initiative)))
        identity = self.voters[voter]
        record = seal(
            choice if isinstance(choice, bytes) else plaintext.encode(choice, paper),
            scope=scope,
            nullifier=identity.nullifier(scope),
            sequence=sequence,
            channel=channel,
            joint_key=G1Point(key.x, key.y),
        )
        path = ElectorateTree([one.commitment() for one in self.voters]).proof(voter)
        return Entry(self.prover.prove(identity.secret, path, ballot_hash(scope, record), scope).proof, record)

    def open(self) -> None:
        """A and B release, the ballots are counted, all three attest."""
        windows = self.windows()
        self.town.until(windows.votingCloses + windows.challengePeriod)
        for name in "ABAC":
            self.run(name)
        assert self.town.read("Tally", "resultHashOf", self.initiative) != bytes(32)

    def follow_up(self) -> None:
        """Two reports on one option, one on another, by an officer who is told apart; the first is erased."""
        member = replace(self.town.members["A"], attribute=lambda call: keccak(b"a record" + call.data))
        for option, status, share in ((0, IN_PROGRESS, 2500), (0, DONE, 10_000), (1, CANCELLED, 0)):
            publisher.report(member, self.initiative, Execution(option, status, share, 3, secrets.token_bytes(32)))
        publisher.erase_report(member, self.initiative, 0, 1, "Names a worker.")

    def run(self, name: str) -> None:
        """Whatever is due for a trustee."""
        (report,) = TrusteeRun(self.town.members[name]).run(self.initiative)
        assert report.problem is None, report.problem

    def windows(self) -> Any:
        """As they are now."""
        return self.town.read("Initiatives", "windowsOf", self.initiative)


def _secret() -> int:
    return secrets.randbelow(1 << 250) + 1
