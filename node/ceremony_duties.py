# SPDX-License-Identifier: AGPL-3.0-or-later
"""A trustee's duties around the joint key: deal, check and complain, finalise, begin anew, release.

Everything follows from the seed, the decryption key and the chain (docs/protocol/ceremony.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node import events
from node.duty import Duty
from node.errors import TrusteeError
from protocol import abi, ceremony
from protocol.ceremony import BadShare, Epoch
from protocol.events import Dealt, KeyFinalised
from protocol.hashing import keccak
from protocol.types import Dealing, G1Point


@dataclass(frozen=True, slots=True)
class TrusteeKeys:
    """The two secrets of a trustee: the seed of its dealings, and its decryption key."""

    seed: bytes
    decryption_key: int

    def __repr__(self) -> str:
        return "TrusteeKeys(***)"


class CeremonyDuties:
    """What one trustee has to do in one initiative's ceremony, as of the latest block."""

    def __init__(self, duty: Duty, keys: TrusteeKeys) -> None:
        self._duty = duty
        self._keys = keys

    def before_voting(self) -> None:
        """In registration and review: whatever is due of dealing, complaining, finalising, beginning anew."""
        duty = self._duty
        if duty.ask("Ceremony", "isFinalised"):
            return
        now = duty.now()
        progress = duty.ask("Ceremony", "epochOf")
        if now < progress.startsAt:
            duty.wait(f"the ceremony's start, {progress.startsAt - now} s from now")
            return
        if (now - progress.startsAt) // duty.windows.ceremonyStep >= 2:
            self._conclude(progress.epoch)
            progress = duty.ask("Ceremony", "epochOf")
        if not duty.ask("Ceremony", "isFinalised") and duty.now() - progress.startsAt < 2 * duty.windows.ceremonyStep:
            self._take_part(progress.epoch, progress.startsAt)

    def _take_part(self, epoch: int, starts_at: int) -> None:
        duty = self._duty
        dealing_open = duty.now() - starts_at < duty.windows.ceremonyStep
        own = self._public_key()
        if dealing_open and not self._has_dealt(epoch, duty.index):
            dealing = ceremony.deal(self._keys.seed, self._epoch(epoch), duty.index, duty.threshold, self._trustees())
            duty.send("Ceremony", "deal", dealing, did=f"dealt in epoch {epoch}", lost_race=("AlreadyDealt",))
        self._complain(epoch, own)
        if dealing_open:
            missing = [place for place in duty.places if not self._has_dealt(epoch, place)]
            if missing:
                duty.wait("the dealings", missing)
                return
        left = starts_at + 2 * duty.windows.ceremonyStep - duty.now()
        duty.wait(f"the end of the complaints, {left} s from now")

    def _complain(self, epoch: int, own: G1Point) -> None:
        duty = self._duty
        for dealer, dealing in self._dealings(epoch).items():
            if duty.ask("Ceremony", "isDisqualified", epoch, dealer):
                continue
            context = self._epoch(epoch)
            try:
                ceremony.receive_share(dealing, context, dealer, duty.index, self._keys.decryption_key)
            except BadShare:
                key = self._keys.decryption_key
                complaint = ceremony.complain(dealing, context, dealer, duty.index, key)
                duty.send(
                    "Ceremony",
                    "complain",
                    dealer,
                    dealing,
                    complaint.shared,
                    complaint.proof,
                    did=f"complained of the bad share of {duty.name(dealer)}",
                    lost_race=("AlreadyDisqualified",),
                )

    def _conclude(self, epoch: int) -> None:
        """After both steps: the joint key where enough dealers qualified, else the next epoch."""
        duty = self._duty
        dealings = self._dealings(epoch)
        qualified = {
            dealer: dealing
            for dealer, dealing in dealings.items()
            if not duty.ask("Ceremony", "isDisqualified", epoch, dealer)
        }
        if len(qualified) >= duty.threshold:
            given = [qualified[dealer] for dealer in sorted(qualified)]
            names = ", ".join(duty.name(dealer) for dealer in sorted(qualified))
            duty.send(
                "Ceremony",
                "finalise",
                given,
                did=f"finalised the joint key with the dealings of {names}",
                lost_race=("AlreadyFinalised",),
            )
            return
        duty.send(
            "Ceremony",
            "startEpoch",
            did=f"began epoch {epoch + 1}, because only {len(qualified)} dealers qualified",
            lost_race=("AlreadyFinalised", "EnoughDealers", "NotFinalising"),
        )

    def release(self) -> bool:
        """In the opening: this trustee's share, unless t others came first. Whether the key is combined."""
        duty = self._duty
        if duty.ask("Ceremony", "secretKey"):
            return True
        if not duty.ask("Ceremony", "releasedShare", duty.index):
            share = self._share()
            duty.send("Ceremony", "release", share, did="released the key share", lost_race=("AlreadyReleased",))
        if duty.ask("Ceremony", "secretKey"):
            return True
        missing = [place for place in duty.places if not duty.ask("Ceremony", "releasedShare", place)]
        needed = duty.threshold - (len(duty.places) - len(missing))
        duty.wait(f"{needed} more key share{'s' if needed > 1 else ''}", missing, any_of=True)
        return False

    def _share(self) -> int:
        duty = self._duty
        self._public_key()
        finalised = next(iter(events.read(duty.rpc, duty.deployment, [KeyFinalised], initiative=duty.initiative))).event
        assert isinstance(finalised, KeyFinalised)
        dealings = self._dealings(finalised.epoch)
        qualified = {dealer: dealings[dealer] for dealer in finalised.dealers}
        share = ceremony.secret_share(qualified, self._epoch(finalised.epoch), duty.index, self._keys.decryption_key)
        ceremony.check_release(finalised.commitments, duty.index, share)
        return share

    def _dealings(self, epoch: int) -> Mapping[int, Dealing]:
        """Dealings of an epoch by dealer; each is the one whose hash the contract holds."""
        duty = self._duty
        found: dict[int, Dealing] = {}
        for located in events.read(duty.rpc, duty.deployment, [Dealt], initiative=duty.initiative):
            event = located.event
            assert isinstance(event, Dealt)
            if event.epoch != epoch:
                continue
            if keccak(abi.encode(event.dealing)) != duty.ask("Ceremony", "dealingHash", epoch, event.dealer):
                raise TrusteeError(
                    f"The node gives another dealing of {duty.name(event.dealer)} than the contract holds."
                )
            found[event.dealer] = event.dealing
        return found

    def _has_dealt(self, epoch: int, place: int) -> bool:
        return any(self._duty.ask("Ceremony", "dealingHash", epoch, place))

    def _trustees(self) -> list[G1Point]:
        return [G1Point(key.x, key.y) for key in self._duty.ask("Ceremony", "trusteeKeys")]

    def _public_key(self) -> G1Point:
        """The own key, which must be the one that was frozen with the rules."""
        own = ceremony.trustee_key(self._keys.decryption_key)
        if self._trustees()[self._duty.index - 1] != own:
            raise TrusteeError(
                f"Initiative {self._duty.initiative} was created with another key of this trustee than the one in its "
                "folder; restore the folder of that time."
            )
        return own

    def _epoch(self, epoch: int) -> Epoch:
        duty = self._duty
        return Epoch(duty.deployment.chain_id, duty.deployment.address("Ceremony"), duty.initiative, epoch)
