# SPDX-License-Identifier: AGPL-3.0-or-later
"""Method of Equal Shares with cost utilities, in exact rationals, and its completion add-1.

Source: D. Peters, G. Pierczyński, P. Skowron, "Proportional Participatory Budgeting with Additive Utilities",
NeurIPS 2021; details as equalshares.net and Pabulib settle them.

*Equal shares.* Each of the n valid ballots is a voter who starts with the endowment e (plain rule: e = budget / n).
s_i(c) is the score that ballot i gives to option c, and the utility is s_i(c) · cost(c). An option with price p per
point is paid for when Σ_i min(purse_i, p · s_i(c)) = cost(c); it is affordable when its supporters' purses reach its
cost. Its effective score is cost(c) / p: the total score that it would have if only those counted who can pay in
full. Repeatedly the affordable option with the highest effective score is bought, equal ones by the tie-break, and
its supporters pay; when none is affordable, the rule ends. An option of cost 0 with support is bought first, at price
0. An option without support, or whose total score is below the threshold, is never bought.

*Add-1.* If with e = budget / n no other option would fit into what is left, that is the result. Otherwise the rule is
run anew with e = ⌊budget / n⌋ + 1, + 2, …, in minor units of money, and the last run before the first whose winners
cost more than the budget counts; a run after which nothing more would fit, or everything with support is bought, ends
it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from protocol.allocation.purses import Offer, Purses, Reach, Supporters, group
from protocol.allocation.result import Allocation, Ballot, Fate, Step, concluded
from protocol.allocation.rule import Option, Rule, RuleParameters


@dataclass(frozen=True, slots=True)
class _Contest:
    """What does not change between runs: the rules, the options that may be bought, their scores, the ballots."""

    rules: RuleParameters
    options: tuple[Option, ...]
    scores: tuple[int, ...]
    eligible: tuple[Option, ...]
    supporters: Supporters

    def tie_key(self, option: Option) -> tuple[int, int, int]:
        return self.rules.tie_break.key(option, self.scores[option.number])


@dataclass(frozen=True, slots=True)
class _Purchase:
    option: Option
    price: Fraction
    payers: int
    drained: int
    backing: Fraction


@dataclass(frozen=True, slots=True)
class _Run:
    """One run. reach: for how many further steps of the endowment the same options win, None for ever."""

    bought: tuple[_Purchase, ...]
    reach: int | None

    @property
    def cost(self) -> int:
        return sum(purchase.option.cost for purchase in self.bought)


class _Bid:
    """The best that is known of an option: price per point and unit of cost, as `(rest + slope * steps) / weight`.

    Purses only shrink, so a bid of an earlier round is a bound from below on the option's bid now.
    """

    __slots__ = ("key", "offer", "option", "rest", "slope", "weight")

    def __init__(self, option: Option, key: tuple[int, int, int], score: int) -> None:
        self.option = option
        self.key = key
        self.offer: Offer | None = None
        self.rest, self.slope, self.weight = 1, 0, score

    def renew(self, offer: Offer, scale: int) -> None:
        self.offer = offer
        self.rest, self.slope = offer.rest, offer.rest_slope
        self.weight = offer.weight * self.option.cost * scale

    def beats(self, other: _Bid) -> bool:
        mine, theirs = self.rest * other.weight, other.rest * self.weight
        return mine < theirs or (mine == theirs and self.key < other.key)

    def hold_against(self, other: _Bid, reach: Reach) -> None:
        """Bound the reach by where this bid would no longer beat the other."""
        margin = other.rest * self.weight - self.rest * other.weight
        slope = other.slope * self.weight - self.slope * other.weight
        reach.hold(margin, slope, strict=other.key < self.key)


def _cheapest(bids: list[_Bid], purses: Purses, reach: Reach) -> tuple[_Bid | None, list[_Bid]]:
    """The best bid of this round, and the bids that stay; options that nobody can afford any more are dropped."""
    best: _Bid | None = None
    kept: list[_Bid] = []
    # The order only saves work: what was best before is likely to be best again, and then bounds suffice for the rest.
    bids.sort(key=lambda bid: bid.rest / bid.weight)
    for bid in bids:
        if best is None or not bid.rest * best.weight > best.rest * bid.weight:
            offer = purses.offer(bid.option.number, bid.option.cost, reach)
            if offer is None:
                continue
            bid.renew(offer, purses.scale)
            if best is None or bid.beats(best):
                best = bid
        kept.append(bid)
    return best, kept


def _run(contest: _Contest, start: int, scale: int = 1) -> _Run:
    """Equal shares with the endowment `start / scale`, which a step raises by 1."""
    purses, reach = Purses(contest.supporters, start, scale), Reach()
    free = sorted((o for o in contest.eligible if o.cost == 0), key=contest.tie_key)
    bought = [_Purchase(option, Fraction(0), contest.supporters.voters, 0, Fraction(0)) for option in free]
    bids = [_Bid(o, contest.tie_key(o), contest.scores[o.number]) for o in contest.eligible if o.cost > 0]
    while bids:
        best, bids = _cheapest(bids, purses, reach)
        if best is None or best.offer is None:
            break
        bids.remove(best)
        for bid in bids:
            best.hold_against(bid, reach)
        offer = best.offer
        price = Fraction(offer.rest, offer.weight * purses.scale)
        backing = Fraction(offer.backing, purses.scale)
        bought.append(_Purchase(best.option, price, offer.payers, offer.drained, backing))
        purses.pay(best.option.number, offer)
    return _Run(tuple(bought), reach.steps)


def _exhausted(contest: _Contest, run: _Run) -> bool:
    """Nothing is left to buy: everything with support is bought, or no other option that reaches the threshold fits."""
    if len(run.bought) == len(contest.eligible):
        return True
    chosen = {purchase.option.number for purchase in run.bought}
    left = contest.rules.budget - run.cost
    return all(
        option.cost > left
        for option in contest.options
        if option.number not in chosen and contest.scores[option.number] >= contest.rules.threshold
    )


def _add1(contest: _Contest, first: _Run) -> tuple[_Run, Fraction, int]:
    """The run that add-1 ends with, its endowment in minor units, and how many endowments were tried."""
    rules, voters = contest.rules, contest.supporters.voters
    floor = rules.budget // voters
    run, steps = first, 0
    while not _exhausted(contest, run):
        following = _run(contest, floor + steps + 1)
        if following.cost > rules.budget:
            break
        # The same options win at each of the endowments that are leapt over, so nothing would have ended there.
        leap = 0 if following.reach is None or _exhausted(contest, following) else following.reach
        run, steps = following, steps + 1 + leap
    if steps == 0:
        return first, Fraction(rules.budget, voters), 1
    return _run(contest, floor + steps), Fraction(floor + steps), steps + 1


def equal_shares(
    rules: RuleParameters, options: Sequence[Option], ballots: Iterable[Ballot], scores: Sequence[int]
) -> Allocation:
    """Equal shares, completed by add-1 where the rule says so. `scores` are the totals per option.

    Exact: no rounding anywhere, and the result depends neither on the order of the ballots nor on the machine.
    """
    supporters = group(ballots, len(options))
    eligible = tuple(o for o in options if scores[o.number] >= max(1, rules.threshold))
    contest = _Contest(rules, tuple(options), tuple(scores), eligible, supporters)
    if supporters.voters == 0:
        return concluded(rules.rule, _losers(contest, ()), endowment=Fraction(0), rounds=0)
    run = _run(contest, rules.budget, supporters.voters)
    endowment, rounds = Fraction(rules.budget, supporters.voters), 1
    if rules.rule is Rule.EQUAL_SHARES_ADD1:
        run, endowment, rounds = _add1(contest, run)
    steps = _winners(contest, run.bought)
    return concluded(rules.rule, [*steps, *_losers(contest, steps)], endowment=endowment, rounds=rounds)


def _winners(contest: _Contest, bought: tuple[_Purchase, ...]) -> list[Step]:
    left, steps = contest.rules.budget, []
    for p in bought:
        left -= p.option.cost
        score = contest.scores[p.option.number]
        steps.append(
            Step(p.option.number, Fate.WON, score, p.option.cost, left, p.price, p.payers, p.drained, p.backing)
        )
    return steps


def _losers(contest: _Contest, winners: Sequence[Step]) -> list[Step]:
    """Steps of the options that were not bought, by descending score."""
    chosen = {step.option for step in winners}
    left = contest.rules.budget - sum(step.cost for step in winners)
    rest = [o for o in contest.options if o.number not in chosen]
    rest.sort(key=lambda o: (-contest.scores[o.number], *contest.tie_key(o)))
    steps = []
    for option in rest:
        score = contest.scores[option.number]
        fate = Fate.BELOW_THRESHOLD if score < contest.rules.threshold else Fate.UNSUPPORTED
        steps.append(Step(option.number, fate, score, option.cost, left))
    return steps
