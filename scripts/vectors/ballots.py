#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Writes tests/vectors/{ballot,plaintext,seal,ceremony,tally,blobs}.json: `uv run scripts/vectors/ballots.py`.

Numbers that fit 2⁵³ are JSON numbers, others 32-byte words in hex, points [x, y]. All follows from the seeds below.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from protocol import ballot, ceremony, plaintext, sealing, tally  # noqa: E402
from protocol.ballot import Channel, Entry, Record  # noqa: E402
from protocol.bn254 import GENERATOR, SCALAR_FIELD, g1_mul  # noqa: E402
from protocol.ceremony import Complaint, Epoch  # noqa: E402
from protocol.hashing import signal  # noqa: E402
from protocol.plaintext import (  # noqa: E402
    Approval,
    BallotPaper,
    Blank,
    Choice,
    Cumulative,
    Knapsack,
    Null,
    Ordered,
    SingleChoice,
    Valid,
    YesNoAbstain,
)
from protocol.types import BallotRules, BallotType, Dealing, G1Point, Nullifier, SchnorrProof  # noqa: E402
from tests.protocol.blobs import Blobs  # noqa: E402

Json = dict[str, object]
CHAIN_ID, BALLOT_BOX, CEREMONY, CONSORTIUM = 31337, b"\xba" * 20, b"\xce" * 20, b"\xc0" * 20


def word(value: int) -> str:
    return f"0x{value:064x}"


def raw(data: bytes) -> str:
    return "0x" + data.hex()


def point(value: G1Point) -> list[str]:
    return [word(value.x), word(value.y)]


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def rules_json(rules: BallotRules) -> Json:
    fields = {camel(name): value for name, value in asdict(rules).items()}
    return {**fields, "ballotType": int(rules.ballot_type), "pointsPerRank": list(rules.points_per_rank)}


def ballots() -> Json:
    draw, cases = random.Random("ballot"), []
    for number, words in enumerate((1, 1, 2, 5, 34)):
        initiative = number + 1
        scope = ballot.ballot_scope(CHAIN_ID, BALLOT_BOX, initiative)
        sequence = (1, 2, 17, 0xFFFFFFFF, 0x01020304)[number]
        record = Record(
            Nullifier(SCALAR_FIELD - 1 if number == 1 else draw.randrange(SCALAR_FIELD)),
            sequence,
            Channel(number % 2),
            g1_mul(GENERATOR, draw.randrange(1, SCALAR_FIELD)),
            draw.randbytes(32 * words),
        )
        digest = ballot.ballot_hash(scope, record)
        cases.append(
            {
                "initiative": initiative,
                "scope": raw(scope),
                "scopeSignal": word(signal(scope)),
                "words": words,
                "nullifier": word(record.nullifier),
                "sequence": sequence,
                "channel": int(record.channel),
                "point": point(record.point),
                "ciphertext": raw(record.ciphertext),
                "record": raw(record.encode()),
                "entry": raw(Entry(Blobs(number, words).proof(), record).encode()),
                "ballotHash": raw(digest),
                "hashSignal": word(signal(digest)),
                "slot": word(ballot.slot_of(sequence, digest)),
            }
        )
    return {"chainId": CHAIN_ID, "ballotBox": raw(BALLOT_BOX), "cases": cases}


def papers() -> Iterator[tuple[str, BallotPaper]]:
    """Every type, at the edges of its layout."""
    kinds = BallotType

    def paper(kind: BallotType, options: int, least: int, most: int, **more: object) -> BallotPaper:
        rules = BallotRules(ballot_type=kind, min_length=least, max_length=most, **more)  # type: ignore[arg-type]
        return BallotPaper(rules, tuple(1000 + 37 * option % 501 for option in range(options)))

    yield "single", paper(kinds.SINGLE_CHOICE, 5, 1, 1)
    yield "single of 1024", paper(kinds.SINGLE_CHOICE, 1024, 1, 1)
    for options in (5, 184, 185, 440, 441, 1024):
        yield f"approval of {options}", paper(kinds.APPROVAL, options, 1, 4)
    yield "approval, none allowed", paper(kinds.APPROVAL, 14, 0, 14)
    yield "knapsack", paper(kinds.KNAPSACK, 6, 1, 6, max_cost=4200)
    yield "knapsack of 200", paper(kinds.KNAPSACK, 200, 0, 200, max_cost=4500)
    points = {"min_points": 1, "max_points": 3, "min_sum_points": 2, "max_sum_points": 6}
    yield "cumulative", paper(kinds.CUMULATIVE, 6, 1, 3, **points)
    yield "cumulative, a slot across words", paper(kinds.CUMULATIVE, 30, 1, 12, **{**points, "max_sum_points": 30})
    yield "cumulative, points of zero", paper(kinds.CUMULATIVE, 4, 0, 4, max_points=10, max_sum_points=10)
    yield "ordered", paper(kinds.ORDERED, 6, 2, 3, points_per_rank=(3, 2, 1))
    ranks = tuple(range(12, 0, -1))
    yield "ordered, a slot across words", paper(kinds.ORDERED, 300, 1, 12, points_per_rank=ranks)
    yield "yes/no/abstain", paper(kinds.YES_NO_ABSTAIN, 6, 1, 4)
    yield "yes/no/abstain of 185", paper(kinds.YES_NO_ABSTAIN, 185, 0, 185)


def vote(paper: BallotPaper, draw: random.Random) -> Choice:
    """A vote of the paper's type with at most the rules' number of options; the other rules are left to chance."""
    rules = paper.rules
    named = draw.sample(
        range(paper.options), min(draw.randint(rules.min_length, min(rules.max_length, 6)), paper.options)
    )
    match rules.ballot_type:
        case BallotType.SINGLE_CHOICE:
            return SingleChoice(named[0])
        case BallotType.APPROVAL:
            return Approval(tuple(sorted(named)))
        case BallotType.KNAPSACK:
            return Knapsack(tuple(sorted(named)))
        case BallotType.ORDERED:
            return Ordered(tuple(named))
        case BallotType.CUMULATIVE:
            return Cumulative(
                tuple((option, draw.randint(rules.min_points, rules.max_points)) for option in sorted(named))
            )
        case BallotType.YES_NO_ABSTAIN:
            cut = draw.randint(0, len(named))
            return YesNoAbstain(tuple(sorted(named[:cut])), tuple(sorted(named[cut:])))


def spoil(data: bytes, paper: BallotPaper, draw: random.Random) -> bytes:
    """One change; what comes of it is whatever `decode` says."""
    changed, width = bytearray(data), 4 if paper.rules.ballot_type is BallotType.CUMULATIVE else 2
    places = (len(data) - 9) // width
    match draw.randrange(6):
        case 0:
            changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        case 1:
            changed[draw.randrange(9)] = draw.choice([1, 2, 255])
        case 2:
            at = 9 + width * draw.randrange(min(places, 4))
            changed[at : at + 2] = draw.choice([0, 1, paper.options, paper.options + 1, 65535]).to_bytes(2, "big")
        case 3:
            source, target = (9 + width * draw.randrange(min(places, 4)) for _ in range(2))
            changed[target : target + width] = changed[source : source + width]
        case 4:
            changed[-1] ^= draw.randint(1, 255)
        case 5:
            bit = min(paper.options, 8 * len(data) - 72)
            changed[31 - bit // 8 if bit < 184 else -1 - (bit - 184) // 8 % 32] |= 1 << bit % 8
    return bytes(changed)


def plaintexts() -> Json:
    listed = []
    for name, paper in papers():
        draw = random.Random(name)
        texts = [plaintext.encode(Blank(), paper), plaintext.null_plaintext(paper.words), bytes(32 * paper.words)]
        texts += [plaintext.layout(vote(paper, draw), paper) for _ in range(8)]
        texts += [spoil(draw.choice(texts[3:11]), paper, draw) for _ in range(16)]
        texts.append(draw.randbytes(32 * paper.words))
        if paper.rules.ballot_type is BallotType.YES_NO_ABSTAIN:
            texts.append(plaintext.layout(YesNoAbstain((0, 1), (1,)), paper))
        cases = []
        for text in dict.fromkeys(texts):
            decoded = plaintext.decode(text, paper)
            ballots_ = [tally.CountedBallot(_record(), text, decoded)]
            cases.append(
                {
                    "plaintext": raw(text),
                    "outcome": int(tally.outcome_of(decoded)),
                    "reason": decoded.reason.name if isinstance(decoded, Null) else "",
                    "totals": list(tally.tally(ballots_, paper).totals) if isinstance(decoded, Valid) else [],
                }
            )
        listed.append(
            {
                "name": name,
                "rules": rules_json(paper.rules),
                "costs": list(paper.costs),
                "words": paper.words,
                "cases": cases,
            }
        )
    return {"papers": listed}


def _record() -> Record:
    return Record(Nullifier(0), 1, Channel.OWN_DEVICE, GENERATOR, b"")


def seals() -> Json:
    draw, cases = random.Random("seal"), []
    for number, words in enumerate((1, 1, 2, 8)):
        secret, r = (
            draw.randrange(1, SCALAR_FIELD),
            (1, SCALAR_FIELD - 1, *(draw.randrange(SCALAR_FIELD) for _ in "ab"))[number],
        )
        scope, text, key = draw.randbytes(32), draw.randbytes(32 * words), g1_mul(GENERATOR, secret)
        record = sealing.seal(
            text,
            scope=scope,
            nullifier=Nullifier(draw.randrange(SCALAR_FIELD)),
            sequence=(1, 0xFFFFFFFF, 3, 4)[number],
            channel=Channel(number % 2),
            joint_key=key,
            randomness=partial(int, r),
        )
        cases.append(
            {
                "secretKey": word(secret),
                "jointKey": point(key),
                "r": word(r),
                "shared": point(g1_mul(key, r)),
                "scope": raw(scope),
                "nullifier": word(record.nullifier),
                "sequence": record.sequence,
                "channel": int(record.channel),
                "plaintext": raw(text),
                "point": point(record.point),
                "ciphertext": raw(record.ciphertext),
                "record": raw(record.encode()),
            }
        )
    return {"cases": cases}


def schnorr_json(proof: SchnorrProof) -> Json:
    return {"t": point(proof.t), "s": word(proof.s)}


def dealing_json(dealing: Dealing) -> Json:
    return {
        "commitments": [point(value) for value in dealing.commitments],
        "ephemeral": point(dealing.ephemeral),
        "shares": [word(share) for share in dealing.shares],
        "constantProof": schnorr_json(dealing.constant_proof),
        "ephemeralProof": schnorr_json(dealing.ephemeral_proof),
    }


def complaint_json(complaint: Complaint, dealer: int, complainant: int, dealing: Dealing, upheld: bool) -> Json:
    proof = complaint.proof
    return {
        "dealer": dealer,
        "complainant": complainant,
        "dealing": dealing_json(dealing),
        "shared": point(complaint.shared),
        "proof": {"t1": point(proof.t1), "t2": point(proof.t2), "s": word(proof.s)},
        "upheld": upheld,
    }


def one_ceremony(name: str, epoch: Epoch, threshold: int, trustees: int, absent: Sequence[int]) -> Json:
    draw = random.Random(name)
    decryption = [draw.randrange(1, SCALAR_FIELD) for _ in range(trustees)]
    seeds = [draw.randbytes(32) for _ in range(trustees)]
    keys = [ceremony.trustee_key(key) for key in decryption]
    indexes = range(1, trustees + 1)
    dealings = {i: ceremony.deal(seeds[i - 1], epoch, i, threshold, keys) for i in indexes if i not in absent}
    joint = ceremony.aggregate(dealings.values())
    shares = {j: ceremony.secret_share(dealings, epoch, j, decryption[j - 1]) for j in indexes}
    dealer = min(dealings)
    good = dealings[dealer]
    bad = Dealing(
        good.commitments,
        good.ephemeral,
        (good.shares[0], good.shares[1] ^ 1, *good.shares[2:]),
        good.constant_proof,
        good.ephemeral_proof,
    )
    complaints = [
        (ceremony.complain(dealing, epoch, dealer, 2, decryption[1]), dealing, upheld)
        for dealing, upheld in ((bad, True), (good, False))
    ]
    for complaint, dealing, upheld in complaints:
        assert ceremony.judge(complaint, dealing, epoch, dealer, 2, keys[1]) is upheld
    possession = [ceremony.prove_possession(key, CHAIN_ID, CONSORTIUM, j) for j, key in enumerate(decryption, 1)]
    return {
        "name": name,
        "initiative": epoch.initiative,
        "epoch": epoch.epoch,
        "threshold": threshold,
        "decryptionKeys": [word(key) for key in decryption],
        "seeds": [raw(seed) for seed in seeds],
        "keys": [point(key) for key in keys],
        "possession": [schnorr_json(proof) for proof in possession],
        "dealers": list(dealings),
        "dealings": [dealing_json(dealing) for dealing in dealings.values()],
        "complaints": [complaint_json(c, dealer, 2, dealing, upheld) for c, dealing, upheld in complaints],
        "commitments": [point(value) for value in joint],
        "shares": [word(share) for share in shares.values()],
        "publicShares": [point(ceremony.public_share(joint, j)) for j in indexes],
        "secretKey": word(ceremony.combine(shares, joint)),
    }


def ceremonies() -> Json:
    cases = [
        one_ceremony("two of three", Epoch(CHAIN_ID, CEREMONY, 1, 0), 2, 3, ()),
        one_ceremony("two of three, one absent, second epoch", Epoch(CHAIN_ID, CEREMONY, 7, 1), 2, 3, (2,)),
        one_ceremony("three of five", Epoch(CHAIN_ID, CEREMONY, 2, 0), 3, 5, ()),
    ]
    head = {"chainId": CHAIN_ID, "ceremony": raw(CEREMONY), "consortium": raw(CONSORTIUM)}
    return {**head, "cases": cases}


def tallies() -> Json:
    secret = random.Random("tally").randrange(1, SCALAR_FIELD)
    key, elections = g1_mul(GENERATOR, secret), []
    for initiative, (name, paper) in enumerate(papers(), 1):
        if paper.options > 441:
            continue
        draw, scope = random.Random(f"tally {name}"), ballot.ballot_scope(CHAIN_ID, BALLOT_BOX, initiative)
        texts = [plaintext.layout(vote(paper, draw), paper) for _ in range(9)]
        texts += [plaintext.encode(Blank(), paper), plaintext.null_plaintext(paper.words), spoil(texts[0], paper, draw)]
        records = []
        for text in texts:
            r = draw.randrange(1, SCALAR_FIELD)
            records.append(
                sealing.seal(
                    text,
                    scope=scope,
                    nullifier=Nullifier(draw.randrange(SCALAR_FIELD)),
                    sequence=draw.randint(1, 16),
                    channel=Channel(draw.randrange(4) == 0),
                    joint_key=key,
                    randomness=partial(int, r),
                )
            )
        # The first ballot's ciphertext again, under another nullifier.
        copied = records[0]
        records.append(Record(Nullifier(1), 1, copied.channel, copied.point, copied.ciphertext))
        texts = list(tally.open_ballots(secret, scope, records, paper.words))
        result, counted = tally.count(zip(records, texts, strict=True), paper)
        elections.append(
            {
                "name": name,
                "initiative": initiative,
                "scope": raw(scope),
                "rules": rules_json(paper.rules),
                "costs": list(paper.costs),
                "words": paper.words,
                "records": [raw(record.encode()) for record in records],
                "plaintexts": [raw(text) for text in texts],
                "outcomes": [int(one.outcome) for one in counted],
                "totals": list(result.totals),
                "support": list(result.support),
                "valid": result.valid,
                "blank": result.blank,
                "nulls": result.nulls,
                "ownDevice": result.own_device,
                "assisted": result.assisted,
                "accumulator": word(result.accumulator),
            }
        )
    head = {"chainId": CHAIN_ID, "ballotBox": raw(BALLOT_BOX), "secretKey": word(secret), "jointKey": point(key)}
    return {**head, "elections": elections}


def blobs() -> Json:
    """`error` is the custom error's name, `index` the entry that it names.

    Empty where the blob is well-formed: then its proofs are wrong, or its sequences are skipped.
    """
    words, cases = 1, []
    source = Blobs(3, words)
    for _ in range(400):
        blob, error, index = source.any(), "", 0
        try:
            ballot.parse_entries(blob, words)
        except ballot.BallotError as refused:
            error = type(refused).__name__.replace("WrongBallotLength", "WrongLength")
            index = getattr(refused, "index", 0)
        cases.append({"blob": raw(blob), "error": error, "index": index})
    return {"words": words, "cases": cases}


FILES: dict[str, Callable[[], Json]] = {
    "ballot": ballots,
    "plaintext": plaintexts,
    "seal": seals,
    "ceremony": ceremonies,
    "tally": tallies,
    "blobs": blobs,
}


def text_of(name: str) -> str:
    """The file's content."""
    return json.dumps(FILES[name](), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (ROOT / "tests/vectors" / f"{name}.json").write_text(text_of(name), encoding="utf-8")
