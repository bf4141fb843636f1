# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an election's file to a run: the initiative's draft, and what each voter will cast."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from node.errors import NodeError
from protocol.count import choice, flaw, paper
from protocol.pabulib import Election, Vote
from protocol.plaintext import BallotPaper, Blank, layout, null_plaintext
from protocol.types import AllocationRules, BallotRules, BallotType, Kind

HOUR, DAY = 3600, 86400
#: The embedded consortium's floor of the minimum anonymity set; less where the file has fewer voters.
MINIMUM_ANONYMITY = 10


class PlanError(NodeError):
    """An election that cannot be held as asked."""


@dataclass(frozen=True, slots=True)
class Casting:
    """What one person casts, in order: one plaintext, or two where the vote is changed. `vote` is None for extras."""

    person: int
    plaintexts: tuple[bytes, ...]
    vote: Vote | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The election as it will be held. `election` has just the votes that take part; extras are beside them."""

    election: Election
    castings: tuple[Casting, ...]
    nulls: int
    blanks: int
    complete: bool  # every voter of the file takes part, and nobody else

    @property
    def persons(self) -> int:
        return len(self.castings)

    @property
    def minimum_anonymity(self) -> int:
        return min(MINIMUM_ANONYMITY, self.persons)


def make_plan(election: Election, *, voters: int | None, revotes: int, nulls: int, blanks: int, seed: int) -> Plan:
    """Raises PlanError where too few take part, or more are to vote twice than there are."""
    kept = election.votes if voters is None else election.votes[:voters]
    if len(kept) + nulls + blanks < 2:
        raise PlanError("an anonymous vote needs at least 2 voters; this one would have fewer")
    if revotes > len(kept):
        raise PlanError(f"{revotes} voters are to vote twice, and there are {len(kept)}")
    chosen = replace(election, votes=tuple(kept))
    on = paper(chosen)
    source = random.Random(seed)
    twice = set(source.sample(range(len(kept)), revotes))
    castings = []
    for person, vote in enumerate(kept):
        plaintexts = [plaintext_of(chosen, vote, on)]
        if person in twice:  # first something else: what another voter says, or a blank
            other = source.choice(kept)
            plaintexts.insert(0, plaintext_of(chosen, other, on) if other is not vote else layout(Blank(), on))
        castings.append(Casting(person, tuple(plaintexts), vote))
    castings += [Casting(len(kept) + n, (null_plaintext(on.words),), None) for n in range(nulls)]
    castings += [Casting(len(kept) + nulls + n, (layout(Blank(), on),), None) for n in range(blanks)]
    return Plan(chosen, tuple(castings), nulls, blanks, len(kept) == len(election.votes) and not nulls and not blanks)


def plaintext_of(election: Election, vote: Vote, on: BallotPaper) -> bytes:
    """As the voter's device would write it; what cannot be said within the rules becomes a null ballot."""
    if flaw(election, vote) is None:
        return layout(choice(election, vote), on)
    try:
        written = layout(choice(election, vote), on)
    except (OverflowError, ValueError):
        return null_plaintext(on.words)
    single = election.ballot.ballot_type is BallotType.SINGLE_CHOICE and len(vote.options) > 1
    return null_plaintext(on.words) if single or len(written) != 32 * on.words else written


def title(election: Election) -> str:
    """At most 200 printable characters: description, unit, instance, as far as META has them."""
    parts = [election.meta_value(key) for key in ("description", "unit", "instance")]
    kept = [part for place, part in enumerate(parts) if part and not any(part in earlier for earlier in parts[:place])]
    text = "".join(c for c in " · ".join(kept) or election.name if c.isprintable())
    return text[:200] or "Election"


def residence(election: Election) -> str:
    """The code of the municipality whose residents may vote; made from META's unit."""
    unit = election.meta_value("subunit") or election.meta_value("unit") or election.name
    plain = unicodedata.normalize("NFKD", unit).encode("ascii", "ignore").decode()
    return "DEV-" + (re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").upper()[:40] or "UNIT")


def draft(plan: Plan, *, now: int, issuer: str, entities: Sequence[int]) -> dict[str, Any]:
    """The initiative's draft (node/draft.py). `now` is the chain's time; the phases are as long as a city's."""
    opens = now + HOUR
    return {
        "title": title(plan.election),
        "kind": Kind.PARTICIPATORY_BUDGET.label,
        "scope": {"assurance": "substantial", "residence": [residence(plan.election)]},
        "windows": {
            "registration-opens": opens,
            "registration-closes": opens + 14 * DAY,
            "voting-opens": opens + 16 * DAY,
            "voting-closes": opens + 30 * DAY,
            "challenge-period": HOUR,
            "max-extension": 7 * DAY,
            "ceremony-step": DAY,
        },
        "ballot": ballot_draft(plan.election.ballot),
        "allocation": allocation_draft(plan.election.allocation),
        "registrars": list(entities),
        "registrar-threshold": 2,
        "trustees": list(entities),
        "trustee-threshold": 2,
        "minimum-anonymity": plan.minimum_anonymity,
        "proposals-per-person": 1,
        "issuers": [issuer],
    }


def ballot_draft(rules: BallotRules) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": rules.ballot_type.label,
        "min-length": rules.min_length,
        "max-length": rules.max_length,
        "min-points": rules.min_points,
        "max-points": rules.max_points,
        "min-sum-points": rules.min_sum_points,
        "max-sum-points": rules.max_sum_points,
        "max-cost": str(rules.max_cost),
        "points-per-rank": list(rules.points_per_rank),
    }
    return {name: value for name, value in fields.items() if name in _ALWAYS or value not in (0, "0", [])}


_ALWAYS = ("type", "min-length", "max-length")


def allocation_draft(rules: AllocationRules) -> dict[str, Any]:
    return {
        "rule": rules.rule.label,
        "tie-break": rules.tie_break.label,
        "budget": str(rules.budget),
        "threshold": str(rules.threshold),
        "winners": rules.winners,
        "quorum": str(rules.quorum),
    }
