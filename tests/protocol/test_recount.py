# SPDX-License-Identifier: AGPL-3.0-or-later
"""`scripts/recount`, which imports nothing of Urna, reaches the protocol's totals from events alone."""

import ast
import gzip
import json
import random
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import rlp
from eth_abi import encode as abi_encode

from protocol import ceremony
from protocol.ballot import Channel, Entry, Record, ballot_scope
from protocol.bn254 import GENERATOR, g1_mul
from protocol.hashing import keccak
from protocol.plaintext import BallotPaper, Blank, layout, null_plaintext
from protocol.sealing import seal
from protocol.tally import Tally, count, open_ballots
from protocol.types import BallotRules, BallotType, G1Point, Nullifier
from tests.protocol.test_plaintext import rules

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/recount"
CHAIN_ID = 31337
ADDRESSES = {
    name: bytes([number]) * 20 for number, name in enumerate(("Initiatives", "Proposals", "Ceremony", "BallotBox"), 1)
}
RULES = (
    "(uint8,bytes32,(uint64,uint64,uint64,uint64,uint32,uint32,uint32),"
    "(uint8,uint16,uint16,uint16,uint16,uint32,uint32,uint256,uint16[]),(uint8,uint8,uint256,uint256,uint32,uint256),"
    "uint32[],uint8,uint32[],uint8,uint32,uint16,bytes32,string[])"
)
Log = tuple[bytes, list[bytes], bytes]
VECTORS = runpy.run_path(str(SCRIPT.parent / "vectors/ballots.py"))

PAPERS = [
    BallotPaper(rules(BallotType.SINGLE_CHOICE, 1, 1), (10, 20, 30)),
    BallotPaper(rules(BallotType.APPROVAL, 1, 3), tuple(range(200))),
    BallotPaper(rules(BallotType.KNAPSACK, 0, 5, max_cost=60), (10, 20, 30, 40, 50)),
    BallotPaper(
        rules(BallotType.CUMULATIVE, 1, 9, min_points=1, max_points=4, min_sum_points=2, max_sum_points=9), (1,) * 9
    ),
    BallotPaper(rules(BallotType.ORDERED, 2, 3, points_per_rank=(5, 3, 1)), (1,) * 5),
    BallotPaper(rules(BallotType.YES_NO_ABSTAIN, 1, 4), (1,) * 5),
]


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def log(contract: str, event: str, indexed: tuple[int, ...], types: list[str], values: list[object]) -> Log:
    return (ADDRESSES[contract], [keccak(event.encode()), *map(word, indexed)], abi_encode(types, values))


def created(initiative: int, ballot: BallotRules) -> Log:
    text = abi_encode(
        [RULES],
        [
            (
                0,
                bytes(32),
                (1, 2, 3, 4, 5, 6, 7),
                astuple(ballot),
                (3, 0, 100, 0, 0, 0),
                (1, 2, 3),
                2,
                (1, 2, 3),
                2,
                3,
                1,
                bytes(32),
                ("https://issuer.example",),
            )
        ],
    )
    return log(
        "Initiatives",
        "InitiativeCreated(uint64,uint32,bytes32,bytes,string,string)",
        (initiative, 1),
        ["bytes32", "bytes", "string", "string"],
        [keccak(text), text, "{}", "A title"],
    )


def accepted(initiative: int, paper: BallotPaper, draw: random.Random) -> Iterator[Log]:
    """Proposals' numbers are not the options'; one cost is changed later."""
    numbers = draw.sample(range(1, 1000), paper.options)
    for option, (proposal, cost) in enumerate(zip(numbers, paper.costs, strict=True)):
        first = cost + 1 if option == 1 else cost
        yield log(
            "Proposals",
            "ProposalAccepted(uint64,uint32,uint16,uint256,string)",
            (initiative, proposal),
            ["uint16", "uint256", "string"],
            [option, first, "feasible"],
        )
    yield log(
        "Proposals",
        "CostChanged(uint64,uint32,uint256,string)",
        (initiative, numbers[1]),
        ["uint256", "string"],
        [paper.costs[1], "a mistake"],
    )


def cast(initiative: int, record: Record) -> Log:
    entry = Entry(b"\7" * 256, record).encode()
    event = "BallotCast(uint64,uint256,bytes)"
    return log("BallotBox", event, (initiative, record.nullifier), ["bytes"], [entry])


def election(initiative: int, paper: BallotPaper, released: int) -> tuple[list[Log], Tally]:
    draw = random.Random(initiative)
    keys = [draw.randrange(1, 1 << 250) for _ in range(3)]
    public = [ceremony.trustee_key(key) for key in keys]
    epoch = ceremony.Epoch(CHAIN_ID, ADDRESSES["Ceremony"], initiative, 0)
    dealings = {i: ceremony.deal(draw.randbytes(32), epoch, i, 2, public) for i in (1, 2, 3)}
    joint = ceremony.aggregate(dealings.values())
    shares = {j: ceremony.secret_share(dealings, epoch, j, keys[j - 1]) for j in (1, 2, 3)}
    records = list(ballots(initiative, paper, joint[0], draw))
    logs = [created(initiative, paper.rules), *accepted(initiative, paper, draw), finalised(initiative, joint)]
    logs += [cast(initiative, record) for record in records]
    for trustee in draw.sample([1, 2, 3], released):
        logs.append(
            log(
                "Ceremony", "ShareReleased(uint64,uint8,uint256)", (initiative, trustee), ["uint256"], [shares[trustee]]
            )
        )
    last = list({record.nullifier: record for record in records}.values())
    scope = ballot_scope(CHAIN_ID, ADDRESSES["BallotBox"], initiative)
    opened = open_ballots(ceremony.combine(shares, joint), scope, last, paper.words)
    return logs, count(zip(last, opened, strict=True), paper)[0]


def finalised(initiative: int, joint: tuple[G1Point, ...]) -> Log:
    return log(
        "Ceremony",
        "KeyFinalised(uint64,uint32,uint8[],(uint256,uint256)[])",
        (initiative, 0),
        ["uint8[]", "(uint256,uint256)[]"],
        [[1, 2, 3], [astuple(point) for point in joint]],
    )


def ballots(initiative: int, paper: BallotPaper, key: G1Point, draw: random.Random) -> Iterator[Record]:
    """Votes as the vectors make them, nulls, blanks, a copied ciphertext, and revotes."""
    scope = ballot_scope(CHAIN_ID, ADDRESSES["BallotBox"], initiative)
    for number, text in enumerate(plaintexts(paper, draw)):
        yield seal(
            text,
            scope=scope,
            nullifier=Nullifier(1000 + number % 25),
            sequence=1 + number // 25,
            channel=Channel(number % 3 == 0),
            joint_key=key,
        )
    yield Record(Nullifier(7), 1, Channel.ASSISTED, g1_mul(GENERATOR, 5), bytes(32 * paper.words))


def plaintexts(paper: BallotPaper, draw: random.Random) -> list[bytes]:
    """Votes, spoiled votes, blanks, nulls and noise."""
    texts = [layout(VECTORS["vote"](paper, draw), paper) for _ in range(25)]
    texts += [VECTORS["spoil"](draw.choice(texts), paper, draw) for _ in range(15)]
    texts += [null_plaintext(paper.words), bytes(32 * paper.words), *[layout(Blank(), paper)] * 4]
    texts.append(draw.randbytes(32 * paper.words))
    draw.shuffle(texts)
    return texts


def bundle(logs: list[Log]) -> dict[str, object]:
    """Blocks of a few receipts each, every second one typed (EIP-2718); logs of other contracts among them."""
    foreign = (b"\x66" * 20, logs[0][1], logs[0][2])
    silent: Log = (ADDRESSES["Ceremony"], [], b"")
    receipts = []
    for number, entry in enumerate(logs):
        body = rlp.encode([b"\1", b"\5", bytes(256), [foreign, entry, silent]])
        receipts.append("0x" + ((b"\2" + body) if number % 2 else body).hex())
    blocks = [
        {"header": "0x", "transactions": [], "receipts": receipts[at : at + 7]} for at in range(0, len(receipts), 7)
    ]
    contracts = {name: {"address": "0x" + address.hex()} for name, address in ADDRESSES.items()}
    return {"schema": "urna/bundle/v1", "deployment": {"chainId": CHAIN_ID, "contracts": contracts}, "blocks": blocks}


def run(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), str(path)], capture_output=True, text=True, check=False)


def as_printed(tally: Tally) -> dict[str, object]:
    return {
        "totals": list(tally.totals),
        "valid": tally.valid,
        "blank": tally.blank,
        "null": tally.nulls,
        "ownDevice": tally.own_device,
        "assisted": tally.assisted,
        "accumulator": "0x" + word(tally.accumulator).hex(),
    }


def test_it_recounts_every_ballot_type_and_waits_for_shares(tmp_path: Path) -> None:
    elections = [election(initiative, paper, released=2) for initiative, paper in enumerate(PAPERS, 1)]
    elections.append(election(7, PAPERS[1], released=3))
    waiting, _ = election(8, PAPERS[0], released=1)
    # Interleaved, as a chain would have them; the order within an initiative is kept.
    logs = [one for logs, _ in elections for one in logs] + waiting
    order = random.Random(1)
    queues = {number: [one for one in logs if one[1][1] == word(number)] for number in range(1, 9)}
    mixed: list[Log] = []
    while queues:
        number = order.choice(list(queues))
        mixed.append(queues[number].pop(0))
        if not queues[number]:
            del queues[number]
    path = tmp_path / "bundle.json.gz"
    path.write_bytes(gzip.compress(json.dumps(bundle(mixed)).encode()))

    done = run(path)

    assert done.returncode == 0, done.stderr
    expected: dict[str, Any] = {str(number): as_printed(tally) for number, (_, tally) in enumerate(elections, 1)}
    expected["8"] = {"shares": 1, "needed": 2}
    assert json.loads(done.stdout) == expected
    for _, tally in elections:
        assert min(tally.valid, tally.blank, tally.nulls, tally.own_device, tally.assisted) > 0


def test_B10_shares_that_do_not_make_the_key_are_refused(tmp_path: Path) -> None:
    logs, _ = election(1, PAPERS[0], released=2)
    contract, topics, share = logs[-1]
    logs[-1] = (contract, topics, word(int.from_bytes(share, "big") ^ 1))
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle(logs)))

    done = run(path)

    assert done.returncode == 1
    assert "joint key" in done.stderr


def test_B9_it_reads_every_plaintext_of_the_vectors_alike() -> None:
    """Its functions without its main part, which would want a bundle."""
    scope: dict[str, Any] = {}
    exec(compile(SCRIPT.read_text(encoding="utf-8").split("\nbundle = ")[0], str(SCRIPT), "exec"), scope)
    vectors = json.loads((SCRIPT.parents[1] / "tests/vectors/plaintext.json").read_text(encoding="utf-8"))
    names = (
        "ballotType",
        "minLength",
        "maxLength",
        "minPoints",
        "maxPoints",
        "minSumPoints",
        "maxSumPoints",
        "maxCost",
    )
    for paper in vectors["papers"]:
        limits = paper["rules"]
        for case in paper["cases"]:
            text = bytes.fromhex(case["plaintext"][2:])
            scores = scope["scores"](text, [limits[name] for name in names], limits["pointsPerRank"], paper["costs"])
            assert (scores is None) == (case["outcome"] != 0)
            assert [(scores or {}).get(place, 0) for place in range(len(case["totals"]))] == case["totals"]


def test_it_is_short_and_imports_nothing_of_urna() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    imported = {
        alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert imported == {"gzip", "json", "math", "sys", "typing", "Crypto.Hash"}
    assert len(source.splitlines()) <= 150
