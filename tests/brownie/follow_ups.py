# SPDX-License-Identifier: AGPL-3.0-or-later
"""What happens after the count: attestations, reports on execution, erasures."""

from __future__ import annotations

import curve
from acts import Acts
from ledger import Phase
from suite import ENTITIES, PUBLISHER, TRUSTEE


class FollowUps(Acts):
    def _catch_up(self) -> None:
        super()._catch_up()
        if self._tick() == Phase.COUNTED:
            for trustee in ENTITIES:
                self.attest(trustee)
            self.report(0)

    def attest(self, seed: int) -> None:
        """One of two documents."""
        entity = 1 + seed % len(ENTITIES)
        phase = self._tick()
        again = phase == Phase.COUNTED and entity in self.ledger.attested
        allowed = phase == Phase.COUNTED and not again
        document = curve.words(1 + (seed >> 4 & 7 == 7))
        refusal = f"AlreadyAttested: {entity}" if again else ""
        self._act(self.suite.tally.attest, [self.id, document], self.suite.account(entity, TRUSTEE), allowed, refusal)

    def report(self, seed: int) -> None:
        """On an option that there is, or the first that is not; a share within bounds, or one beyond."""
        ledger = self.ledger
        option, share = seed % (len(ledger.costs) + 1), seed % 10_002
        refusal = ""
        if self._tick() == Phase.COUNTED:
            refusal = f"ShareTooLarge: {share}" if share > 10_000 else ""
            refusal = f"UnknownOption: {self.id}, {option}" if option == len(ledger.costs) else refusal
            refusal = refusal if ledger.result else f"NotAttested: {self.id}"
        allowed = self._tick() == Phase.COUNTED and not refusal
        values = [self.id, option, seed % 5, share, seed, curve.words(seed + 1)]
        sender = self.suite.account(1, PUBLISHER)
        self._act(self.suite.follow_up.report, values, sender, allowed, refusal)

    def erase(self, seed: int) -> None:
        """A report that there is, was erased, or is not there."""
        ledger, option = self.ledger, seed % (len(self.ledger.costs) or 1)
        given = ledger.reports.get(option, [])
        number = 1 + seed % (len(given) + 1)
        refusal = f"AlreadyErased: {number}" if (option, number) in ledger.erased else ""
        refusal = f"UnknownReport: {self.id}, {option}, {number}" if number > len(given) else refusal
        sender = self.suite.account(1, PUBLISHER)
        values = [self.id, option, number, "asked for"]
        self._act(self.suite.follow_up.erase, values, sender, not refusal, refusal)
