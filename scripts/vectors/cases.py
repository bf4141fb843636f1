# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rules and scopes, good and bad, of which encodings.py makes vectors."""

from __future__ import annotations

from dataclasses import replace

from protocol import rules, scope, tags
from protocol.hashing import keccak
from protocol.types import (
    AllocationRule,
    AllocationRules,
    BallotRules,
    BallotType,
    EntityId,
    Hash32,
    Kind,
    TieBreak,
    Windows,
)
from tests.protocol.chronicle import SCOPE

NOW = 1_800_000_000
DAY = 86400
PEPPER = keccak(b"pepper")


class EveryEntity:
    """All entities are active and have keys; the floor is 10."""

    minimum_anonymity = 10

    def is_active(self, entity: EntityId) -> bool:
        return entity < 100

    def has_trustee_key(self, entity: EntityId) -> bool:
        return entity < 90


def base_rules() -> rules.Rules:
    return rules.Rules(
        kind=Kind.PARTICIPATORY_BUDGET,
        scope_hash=scope.scope_hash(SCOPE),
        windows=Windows(NOW + DAY, NOW + 5 * DAY, NOW + 8 * DAY, NOW + 12 * DAY, 3600, 4 * DAY, 3600),
        ballot=BallotRules(BallotType.APPROVAL, 1, 5),
        allocation=AllocationRules(AllocationRule.GREEDY_THRESHOLD, TieBreak.LOWER_COST, 10**12, 100),
        registrars=(EntityId(1), EntityId(2), EntityId(3)),
        registrar_threshold=2,
        trustees=(EntityId(1), EntityId(4), EntityId(5)),
        trustee_threshold=2,
        min_anonymity=10,
        proposals_per_person=3,
        pepper_hash=tags.pepper_hash(PEPPER),
        issuers=("https://eid.example", "https://outro.exemplo/ç"),
    )


VALID_BALLOTS = (
    BallotRules(BallotType.SINGLE_CHOICE, 1, 1),
    BallotRules(BallotType.CUMULATIVE, 1, 5, 1, 3, 1, 10),
    BallotRules(BallotType.ORDERED, 3, 3, points_per_rank=(3, 2, 1)),
    BallotRules(BallotType.KNAPSACK, 1, 160, max_cost=10**15),
    BallotRules(BallotType.YES_NO_ABSTAIN, 0, 40),
)
VALID_ALLOCATIONS = (
    AllocationRules(AllocationRule.GREEDY, budget=1),
    AllocationRules(AllocationRule.GREEDY_NO_SKIP, TieBreak.HIGHER_COST, 5),
    AllocationRules(AllocationRule.EQUAL_SHARES, budget=5),
    AllocationRules(AllocationRule.EQUAL_SHARES_ADD1, budget=(1 << 128) - 1),
    AllocationRules(AllocationRule.TOP_K, winners=3),
    AllocationRules(AllocationRule.MAJORITY, quorum=20),
    AllocationRules(AllocationRule.MAJORITY),
)


def broken_rules() -> list[rules.Rules]:
    """One fault each, every reason of the contract."""
    good = base_rules()
    w, b, a = good.windows, good.ballot, good.allocation
    windows = [
        replace(w, registration_opens=NOW),
        replace(w, registration_closes=w.registration_opens),
        replace(w, voting_opens=w.registration_closes),
        replace(w, voting_closes=w.voting_opens),
        replace(w, voting_closes=NOW + rules.MAX_HORIZON + 1),
        replace(w, challenge_period=3599),
        replace(w, challenge_period=rules.MAX_CHALLENGE + 1),
        replace(w, max_extension=rules.MAX_EXTENSION + 1),
        replace(w, ceremony_step=599),
        replace(w, ceremony_step=7 * DAY // 2),
    ]
    cumulative, ordered = VALID_BALLOTS[1], VALID_BALLOTS[2]
    ballots = [
        replace(b, min_length=0),
        BallotRules(BallotType.YES_NO_ABSTAIN, 0, 0),
        replace(b, min_length=6),
        replace(b, max_length=1025),
        BallotRules(BallotType.SINGLE_CHOICE, 1, 2),
        replace(b, max_cost=1),
        BallotRules(BallotType.KNAPSACK, 1, 2),
        replace(b, max_points=1),
        replace(cumulative, max_length=510),
        replace(cumulative, min_points=0, max_points=0),
        replace(cumulative, min_points=4),
        replace(cumulative, min_sum_points=0, max_sum_points=0),
        replace(cumulative, min_sum_points=11),
        replace(cumulative, min_sum_points=16, max_sum_points=16),
        replace(cumulative, min_points=3, max_sum_points=2),
        replace(b, points_per_rank=(1,)),
        replace(ordered, max_length=1020, points_per_rank=(1,) * 1020),
        replace(ordered, points_per_rank=(2, 1)),
        replace(ordered, points_per_rank=(0, 0, 0)),
    ]
    allocations = [
        replace(a, budget=0),
        AllocationRules(AllocationRule.TOP_K, budget=1, winners=1),
        replace(a, budget=1 << 128),
        replace(a, threshold=0),
        replace(a, winners=1),
        AllocationRules(AllocationRule.TOP_K),
        AllocationRules(AllocationRule.TOP_K, winners=1025),
        replace(a, quorum=1),
    ]
    return [
        *(replace(good, windows=broken) for broken in windows),
        *(replace(good, ballot=broken) for broken in ballots),
        *(replace(good, allocation=broken) for broken in allocations),
        *_broken_members(good),
    ]


def _broken_members(good: rules.Rules) -> list[rules.Rules]:
    many = tuple(map(EntityId, range(1, 34)))
    return [
        replace(good, registrars=many),
        replace(good, registrar_threshold=1),
        replace(good, registrar_threshold=4),
        replace(good, registrars=(EntityId(1), EntityId(2), EntityId(2))),
        replace(good, registrars=(EntityId(0), EntityId(1))),
        replace(good, registrars=(EntityId(1), EntityId(100))),
        replace(good, trustees=many),
        replace(good, trustee_threshold=1),
        replace(good, trustee_threshold=3),
        replace(good, trustees=(EntityId(4), EntityId(1), EntityId(5))),
        replace(good, trustees=(EntityId(1), EntityId(4), EntityId(100))),
        replace(good, trustees=(EntityId(1), EntityId(4), EntityId(90))),
        replace(good, min_anonymity=9),
        replace(good, min_anonymity=(1 << 20) + 1),
        replace(good, proposals_per_person=0),
        replace(good, pepper_hash=Hash32(bytes(32))),
        replace(good, issuers=()),
        replace(good, issuers=("https://eid.example",) * 17),
        replace(good, issuers=("",)),
        replace(good, issuers=("é" * 129,)),
    ]


SCOPES = (
    '{"age":{"max":27,"min":12,"on":"2024-04-15"},"assurance":"substantial","employer":["Câmara"],'
    '"nationality":["PT"],"profession":["médica"],"residence":["PT-1106"]}',
    '{"age":{"min":16,"on":"2024-02-29"}}',
    '{"age":{"max":17,"on":"2023-02-28"}}',
    '{"assurance":"high"}',
    '{"residence":["PT-1105","PT-1106"]}',
)
BAD_SCOPES = (
    "",
    "{}",
    "[]",
    "null",
    '{"residence": ["PT-1106"]}',
    '{"residence":["PT-1106"],"assurance":"low"}',
    '{"residence":[]}',
    '{"residence":"PT-1106"}',
    '{"residence":["b","a"]}',
    '{"residence":["a","a"]}',
    '{"residence":[""]}',
    '{"residence":[" a"]}',
    '{"residence":["a"],"residence":["a"]}',
    '{"assurance":"highest"}',
    '{"age":{"on":"2024-04-15"}}',
    '{"age":{"min":16}}',
    '{"age":{"min":16,"on":"2023-02-29"}}',
    '{"age":{"min":16,"on":"15.4.2024"}}',
    '{"age":{"min":16.5,"on":"2024-04-15"}}',
    '{"age":{"min":true,"on":"2024-04-15"}}',
    '{"age":{"min":-1,"on":"2024-04-15"}}',
    '{"age":{"min":151,"on":"2024-04-15"}}',
    '{"age":{"max":12,"min":13,"on":"2024-04-15"}}',
    '{"age":{"min":16,"on":"2024-04-15","or":1}}',
    '{"eyes":["blue"]}',
    '{"age":NaN}',
)
CLAIMS: tuple[dict[str, object], ...] = (
    {"birthdate": "2000-02-29", "acr": "high", "residence": "PT-1106", "nationality": ["PT", "BR"]},
    {"birthdate": "2008-02-29", "acr": "substantial", "residence": ["PT-1105"]},
    {"birthdate": "2008-03-01", "acr": "low", "residence": "PT-1107"},
    {"birthdate": "2005-02-28"},
    {"birthdate": "2005-03-01"},
    {"birthdate": "2025-01-01"},
    {"birthdate": "2000"},
    {"birthdate": 951782400, "acr": 3, "residence": {"code": "PT-1106"}},
    {"residence": ["PT-1106", 5]},
    {
        "birthdate": "2012-04-15",
        "acr": "substantial",
        "employer": "Câmara",
        "nationality": "PT",
        "profession": ["médica"],
        "residence": "PT-1106",
    },
    {},
)
