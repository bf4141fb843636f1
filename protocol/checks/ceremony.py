# SPDX-License-Identifier: AGPL-3.0-or-later
"""What of the ceremony stands in transactions alone: trustees' proofs of possession, and the points of complaints."""

from __future__ import annotations

from typing import Any

from protocol.ceremony import CeremonyError, Complaint, Epoch, judge, verify_possession
from protocol.checks.calls import Sent, Signature, find, is_direct
from protocol.checks.model import CheckFailed, NotVerifiable, place, refuse
from protocol.state import ComplaintClaim, InitiativeState, State
from protocol.types import Dealing, DleqProof, G1Point, SchnorrProof

_POINT = "(uint256,uint256)"
_PROOF = f"({_POINT},uint256)"
_DEALING = f"({_POINT}[],{_POINT},uint256[],{_PROOF},{_PROOF})"
REGISTER_KEY = Signature("registerTrusteeKey", (_POINT, _PROOF))
COMPLAIN = Signature("complain", ("uint64", "uint8", _DEALING, _POINT, f"({_POINT},{_POINT},uint256)"))
_DEALINGS, _COMPLAINTS = "ceremony.dealings", "ceremony.complaints"


def possession(state: State, sent: Sent) -> str:
    """Every trustee's key with its proof of possession. Raises CheckFailed, NotVerifiable."""
    for claim in state.consortium.trustee_keys:
        for key, proof in find(sent, claim.meta, REGISTER_KEY, _DEALINGS):
            if G1Point(*key) != claim.key:
                continue
            proved = SchnorrProof(G1Point(*proof[0]), proof[1])
            if verify_possession(claim.key, proved, state.chain_id, state.consortium_address, claim.entity):
                break
            if is_direct(sent, claim.meta, REGISTER_KEY):
                refuse(_DEALINGS, claim.meta, f"the key of entity {claim.entity} is not proved to be its own")
        else:
            if is_direct(sent, claim.meta, REGISTER_KEY):
                refuse(_DEALINGS, claim.meta, "the call is of another key than the event")
            raise NotVerifiable(_DEALINGS, f"{place(claim.meta)}: the key's proof is not in the transaction")
    return f"{len(state.consortium.trustee_keys)} trustees' keys"


def complaints(state: State, initiative: InitiativeState, sent: Sent) -> str:
    """Every complaint, judged again. Raises CheckFailed, NotVerifiable."""
    for claim in initiative.ceremony.complaints:
        for number, dealer, dealing, shared, proof in find(sent, claim.meta, COMPLAIN, _COMPLAINTS):
            if (number, dealer) == (initiative.id, claim.dealer):
                try:
                    _judge(state, initiative, claim, _dealing(dealing), Complaint(G1Point(*shared), _dleq(proof)))
                except CheckFailed:
                    if is_direct(sent, claim.meta, COMPLAIN):
                        raise
                    continue  # a decoy beside the call that was made: look on
                break
        else:
            if is_direct(sent, claim.meta, COMPLAIN):
                refuse(_COMPLAINTS, claim.meta, "the call is of another complaint than the event")
            raise NotVerifiable(_COMPLAINTS, f"{place(claim.meta)}: the complaint is not in the transaction")
    upheld = sum(claim.upheld for claim in initiative.ceremony.complaints)
    return f"initiative {initiative.id}: {len(initiative.ceremony.complaints)} complaints, {upheld} upheld"


def _judge(
    state: State, initiative: InitiativeState, claim: ComplaintClaim, dealing: Dealing, complaint: Complaint
) -> None:
    dealt = [one.dealing for one in initiative.ceremony.dealt if (one.epoch, one.dealer) == (claim.epoch, claim.dealer)]
    if dealt != [dealing]:
        refuse(_COMPLAINTS, claim.meta, f"the complaint is over another dealing than that of trustee {claim.dealer}")
    epoch = Epoch(state.chain_id, state.suite.ceremony, initiative.id, claim.epoch)
    key = initiative.ceremony.keys[claim.complainant - 1]
    try:
        upheld = judge(complaint, dealing, epoch, claim.dealer, claim.complainant, key)
    except CeremonyError as error:
        refuse(_COMPLAINTS, claim.meta, str(error))
    if upheld is not claim.upheld:
        refuse(_COMPLAINTS, claim.meta, f"the complaint over trustee {claim.dealer} was judged wrongly")


def _dealing(values: Any) -> Dealing:
    commitments, ephemeral, shares, constant, proof = values
    return Dealing(
        tuple(G1Point(*point) for point in commitments),
        G1Point(*ephemeral),
        tuple(shares),
        SchnorrProof(G1Point(*constant[0]), constant[1]),
        SchnorrProof(G1Point(*proof[0]), proof[1]),
    )


def _dleq(values: Any) -> DleqProof:
    return DleqProof(G1Point(*values[0]), G1Point(*values[1]), values[2])
