# SPDX-License-Identifier: AGPL-3.0-or-later
"""A trustee: does whatever is due, says what it did and what it waits for, and keeps no state of its own.

Everything follows from the folder's seed and decryption key and from the chain, so that a run may be broken off
anywhere and repeated.
"""

from __future__ import annotations

from node.ceremony_duties import CeremonyDuties, TrusteeKeys
from node.count_duties import apply_replacements, count
from node.duty import Duty, Report
from node.errors import NodeError, RpcUnavailable
from node.member import Member
from node.result_duties import attest
from node.sender import Sender
from protocol import ceremony
from protocol.errors import ProtocolError
from protocol.types import Phase, Role


class TrusteeRun:
    """One round of a trustee's duties. `keys_registered` says whether this run registered the trustee's key."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._keys = TrusteeKeys(member.folder.trustee_seed().reveal(), member.folder.trustee_decryption_key())
        self.key_registered = False

    def run(self, only: int | None = None) -> list[Report]:
        """Does what is due in every initiative (or in `only`), and waits until it is final.

        What goes wrong in one initiative is in its report and stops no other. Raises RpcUnavailable, SendError,
        KeystoreError, and NodeError for a number that is no initiative.
        """
        initiatives = self._member.deployment.contract("Initiatives")
        count_ = initiatives.read(self._member.rpc, "count")
        if only is not None and not 1 <= only <= count_:
            raise NodeError(f"There is no initiative {only}; there are {count_}.")
        reports = []
        with self._member.sender(Role.TRUSTEE) as sender:
            self._register_key(sender)
            for number in range(1, count_ + 1) if only is None else [only]:
                index = initiatives.read(self._member.rpc, "trusteeIndexOf", number, self._member.entity)
                if index:
                    reports.append(self._initiative(sender, number, index))
            sender.await_final()
        return reports

    def _register_key(self, sender: Sender) -> None:
        """The public key, with proof of possession, unless the consortium has it."""
        member = self._member
        consortium = member.deployment.contract("Consortium")
        own = ceremony.trustee_key(self._keys.decryption_key)
        known = consortium.read(member.rpc, "trusteeKeyOf", member.entity)
        if (known.x, known.y) == (own.x, own.y):
            return
        chain_id, address = member.deployment.chain_id, member.deployment.address("Consortium")
        proof = ceremony.prove_possession(self._keys.decryption_key, chain_id, address, member.entity)
        sender.call(consortium.call("registerTrusteeKey", own, proof, what="the registration of the trustee's key"))
        self.key_registered = True

    def _initiative(self, sender: Sender, number: int, index: int) -> Report:
        duty = Duty(self._member.rpc, self._member.deployment, sender, number, index)
        try:
            self._do(duty)
            duty.report.phase = duty.phase()
        except RpcUnavailable:
            raise
        except (NodeError, ProtocolError) as error:
            duty.report.problem = str(error)
        duty.report.sentences = [*duty.report.did, *(duty.sentence(one) for one in duty.report.waiting)]
        return duty.report

    def _do(self, duty: Duty) -> None:
        phase = duty.phase()
        ceremonies = CeremonyDuties(duty, self._keys)
        if phase in (Phase.REGISTRATION, Phase.REVIEW):
            ceremonies.before_voting()
        if phase is Phase.REVIEW:
            apply_replacements(duty)
        if phase is Phase.OPENING and ceremonies.release() and not count(duty):
            duty.wait("the rest of the count")
        if duty.phase() is Phase.COUNTED:
            attest(duty)
        if phase in (Phase.ANNOUNCED, Phase.VOTING, Phase.CHALLENGE):
            duty.wait(f"the end of the phase {phase.label!r}")
