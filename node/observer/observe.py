# SPDX-License-Identifier: AGPL-3.0-or-later
"""The observer: from a source to a report. Cheap checks come first; what they refuse is not looked at any further."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from node.observer import claims, code
from node.observer.deployment import DeploymentFacts, PublishedSource
from node.observer.errors import MalformedBundle, ObserverError
from node.observer.replay import Replay
from node.observer.report import Figures, InitiativeFigures, OptionFigures, Report
from node.observer.source import Source
from protocol.checks import (
    CHECKS,
    CheckFailed,
    CheckResult,
    NotVerifiable,
    Outcome,
    ballots,
    ceremony,
    electorate,
    merge,
    result,
    run,
    signatures,
)
from protocol.checks import results as documents
from protocol.proof import PINNED_KEY_HASH
from protocol.result import Result, ResultError, compute
from protocol.state import InitiativeState, status_at
from protocol.types import InitiativeId, Phase

_CHAIN = ("chain.genesis", "chain.headers", "chain.transactions", "chain.receipts")
_FOLDED = (
    "events", "consortium.motions", "initiative.rules", "electorate.signatures", "electorate.root", "proposals",
    "ceremony.dealings", "ceremony.complaints", "ceremony.key", "ballots.window", "ballots.encoding", "ballots.slots",
    "opening.shares", "opening.key", "tally.opened", "tally.counts", "followup.reports",
)  # fmt: skip


class Progress(Protocol):
    """Shows how far the work is."""

    def begin(self, stage: str, total: int | None) -> None:
        """A new stage of so many steps; None where that is not known."""

    def advance(self, steps: int) -> None:
        """So many steps of the stage are done."""


class Silent:
    """Shows nothing."""

    def begin(self, stage: str, total: int | None) -> None:
        pass

    def advance(self, steps: int) -> None:
        pass


SILENT: Progress = Silent()


def refused(error: MalformedBundle) -> Report:
    """The report on a source that could not be read."""
    lines = [result(check, Outcome.NOT_VERIFIABLE, "the source could not be read") for check in CHECKS]
    lines[0] = result("bundle.form", Outcome.FAILED, str(error))
    return Report(tuple(lines), None, {})


def observe(
    source: Source,
    published: PublishedSource,
    *,
    initiative: int | None = None,
    pinned: bytes = PINNED_KEY_HASH,
    anchored: bool = True,
    progress: Progress = SILENT,
) -> Report:
    """Verifies everything that the source says.

    Args:
        initiative: looks into this one alone, once the events are folded; all where it is None.
        anchored: whether the deployment came from elsewhere than the source; else the genesis is the source's own word.
        pinned: hash of the one verifying key that is accepted. Another than the ceremony's is for tests.

    Raises:
        ObserverError: there is no such initiative.
        node.rpc.RpcError: a live node did not answer.
    """
    began = time.monotonic()
    try:
        facts = DeploymentFacts.read(dict(source.deployment))
    except MalformedBundle as error:
        return refused(error)
    replay = Replay.begin(facts, source.head)
    progress.begin("blocks", source.head.number + 1)
    for raw in source.blocks():
        replay.step(raw)
        progress.advance(1)
        if replay.chain_fault is not None:
            break
    replay.finish()
    return Observation(source, replay, published, pinned, progress, anchored).report(initiative, began)


class Observation:
    """The checks that follow the replay."""

    def __init__(
        self,
        source: Source,
        replay: Replay,
        published: PublishedSource,
        pinned: bytes,
        progress: Progress,
        anchored: bool,
    ) -> None:
        self._source = source
        self._replay = replay
        self._published = published
        self._pinned = pinned
        self._progress = progress
        self._anchored = anchored

    def report(self, initiative: int | None, began: float) -> Report:
        """Runs them. `began` is when the observer did (monotonic)."""
        replay = self._replay
        lines = [result("bundle.form", Outcome.PASSED, "")]
        lines += self._chain()
        if replay.chain_fault is not None:
            reached = {line.id for line in lines}
            skipped = [check for check in CHECKS if check not in reached]
            lines += [result(check, Outcome.NOT_VERIFIABLE, "the chain itself fails") for check in skipped]
            return Report(tuple(merge(lines)), self._figures(began), {})
        lines += [self._code(), run("consortium.accounts", replay.acts.verdict)]
        chosen = self._chosen(initiative)
        figures: dict[int, InitiativeFigures] = {}
        if replay.fold_fault is not None:
            lines += self._after_fault(replay.fold_fault)
        else:
            lines += [result(check, Outcome.PASSED, "") for check in _FOLDED]
            lines += [result("events", Outcome.PASSED, f"{replay.events} events"), *self._claims(), self._keys()]
            for one in chosen:
                outcome = None
                try:
                    outcome = self._result(one)
                except CheckFailed as failed:
                    lines.append(result(failed.check, Outcome.FAILED, failed.reason))
                lines += self._initiative(one, outcome)
                figures[one.id] = self._initiative_figures(one, outcome)
        known = {line.id for line in lines}
        without = [check for check in CHECKS if check not in known]
        lines += [result(check, Outcome.NOT_VERIFIABLE, "no initiative") for check in without]
        awaited = {"chain.seals", *without}
        if not all(one.count.is_complete for one in chosen):
            awaited |= {"result.allocation", "result.attested"}
        return Report(tuple(merge(lines)), self._figures(began), figures, frozenset(awaited))

    def _chosen(self, initiative: int | None) -> list[InitiativeState]:
        known = self._replay.state.initiatives
        if initiative is None:
            return list(known.values())
        if initiative not in known:
            raise ObserverError(f"There is no initiative {initiative}; there are {len(known)}.")
        return [known[InitiativeId(initiative)]]

    def _chain(self) -> Iterator[CheckResult]:
        fault, figures = self._replay.chain_fault, self._replay.chain.figures
        details = dict.fromkeys(_CHAIN, f"{figures.blocks} blocks")
        foreign = f", {figures.foreign} not signed for this chain" if figures.foreign else ""
        details["chain.transactions"] = f"{figures.transactions} transactions{foreign}"
        details["chain.receipts"] = f"{figures.logs} logs"
        for check, detail in details.items():
            if fault is None and check == "chain.genesis" and not self._anchored:
                yield result(check, Outcome.NOT_VERIFIABLE, "the bundle's own word: compare with a deployment file")
            elif fault is None:
                yield result(check, Outcome.PASSED, detail)
            elif fault.check == check:
                yield result(check, Outcome.FAILED, fault.reason)
            else:
                yield result(check, Outcome.NOT_VERIFIABLE, f"verified up to there, {detail}")
        yield result("chain.seals", Outcome.NOT_VERIFIABLE, "the embedded engine seals no blocks")

    def _code(self) -> CheckResult:
        return run("code.source", lambda: code.verify(self._replay, self._published, self._source.code, self._pinned))

    def _claims(self) -> Iterator[CheckResult]:
        now = self._replay.chain.figures.last_time
        yield run("claims", lambda: claims.verify(self._replay.state, self._source.claims, now))
        if self._source.results is not None:
            yield run("result.attested", self._documents)

    def _documents(self) -> str:
        given = set(self._source.results or {})
        counted = {one.id for one in self._replay.state.initiatives.values() if one.count.is_complete}
        if given != counted:
            raise CheckFailed("result.attested", f"documents of {sorted(given)}, though {sorted(counted)} are counted")
        return ""

    @staticmethod
    def _after_fault(fault: CheckFailed) -> Iterator[CheckResult]:
        yield result(fault.check, Outcome.FAILED, fault.reason)
        later = (*_FOLDED, "ballots.proofs", "result.allocation", "result.attested", "claims")
        for check in later:
            if check != fault.check:
                yield result(check, Outcome.NOT_VERIFIABLE, "the events could be followed only up to the fault")

    def _keys(self) -> CheckResult:
        return run("ceremony.dealings", lambda: ceremony.possession(self._replay.state, self._replay.sent))

    def _initiative(self, one: InitiativeState, outcome: Result | None) -> Iterator[CheckResult]:
        state, sent = self._replay.state, self._replay.sent
        document = (self._source.results or {}).get(one.id)
        judges: list[tuple[str, Callable[[], str]]] = [
            ("electorate.signatures", lambda: signatures.electorate(state, one, sent)),
            ("electorate.root", lambda: electorate.roots(one)),
            ("proposals", lambda: signatures.proposals(state, one, sent)),
            ("ceremony.complaints", lambda: ceremony.complaints(state, one, sent)),
            ("ballots.proofs", lambda: self._proofs(one)),
            ("tally.opened", lambda: self._opened(one)),
            ("tally.counts", lambda: ballots.counts(one)),
            ("followup.reports", lambda: documents.reports(one, outcome)),
        ]
        if status_at(one, self._replay.chain.figures.last_time)[0] is not Phase.VOID:
            judges.append(("result.allocation", lambda: documents.allocation(one, outcome, document)))
            judges.append(("result.attested", lambda: documents.attested(one, outcome, document)))
        for check, judge in judges:
            yield run(check, judge)

    def _proofs(self, one: InitiativeState) -> str:
        try:
            key = code.verifying_key(self._replay.facts, self._source.code, self._pinned)
        except CheckFailed as failed:
            raise NotVerifiable("ballots.proofs", failed.reason) from None
        self._progress.begin("proofs", len(one.ballots.cast))
        return ballots.proofs(one, key, self._progress.advance)

    def _opened(self, one: InitiativeState) -> str:
        self._progress.begin("openings", one.count.counted)
        return ballots.opened(one, self._progress.advance)

    def _result(self, one: InitiativeState) -> Result | None:
        try:
            return compute(self._replay.state, one.id) if one.count.is_complete else None
        except ResultError as error:
            raise CheckFailed("result.allocation", f"initiative {one.id}: {error}") from None

    # Figures

    def _figures(self, began: float) -> Figures:
        replay, head = self._replay, self._source.head
        seen = replay.chain.figures
        return Figures(
            network=replay.facts.network,
            chain_id=replay.facts.chain_id,
            head=head.number,
            head_hash=f"0x{head.hash.hex()}",
            blocks=seen.blocks,
            transactions=seen.transactions,
            logs=seen.logs,
            events=replay.events,
            first_time=seen.first_time,
            last_time=seen.last_time,
            seconds=round(time.monotonic() - began, 3),
        )

    def _initiative_figures(self, one: InitiativeState, outcome: Result | None) -> InitiativeFigures:
        phase, reason = status_at(one, self._replay.chain.figures.last_time)
        count = one.count
        return InitiativeFigures(
            title=one.title,
            phase=phase.label,
            void_reason=reason.label,
            ballot_type=one.rules.ballot.ballot_type.label,
            rule=one.rules.allocation.rule.label,
            registered=one.electorate.size,
            proposals=len(one.proposals.proposals),
            cast=len(one.ballots.cast),
            distinct=len(one.ballots.latest),
            skipped=one.ballots.skipped,
            counted=count.counted,
            valid=count.valid,
            blank=count.blank,
            null=count.nulls,
            own_device=count.own_device,
            assisted=count.assisted,
            accumulator=f"0x{count.accumulator:064x}",
            extended=one.extended,
            reopened=one.reopened,
            voting_closes=one.voting_closes,
            result_hash=f"0x{outcome.hash.hex()}" if outcome else "",
            options=tuple(_options(one, outcome)) if outcome else (),
        )


def _options(one: InitiativeState, outcome: Result) -> Iterator[OptionFigures]:
    costs, count = one.proposals.costs, one.count
    for option, cost in enumerate(costs):
        against = count.totals[len(costs) + option] if len(count.totals) > len(costs) else None
        won = option in outcome.allocation.winners
        yield OptionFigures(option, cost, count.totals[option], count.support[option], against, won)
