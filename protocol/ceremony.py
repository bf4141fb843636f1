# SPDX-License-Identifier: AGPL-3.0-or-later
"""The joint key: dealings, complaints, release (docs/protocol/ceremony.md).

Pedersen's distributed key generation with Feldman's commitments (FOCS 1987). Trustees are named by their index, from 1.
Everything a trustee says follows from its seed and its decryption key, so that it keeps no state.

Errors:
    CeremonyError
    ├── InvalidDealing
    ├── BadProofOfKnowledge
    ├── BadShare
    ├── InvalidDleq
    ├── InvalidShare
    └── WrongJointKey
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from protocol.bn254 import GENERATOR, INFINITY, SCALAR_FIELD, g1_add, g1_mul
from protocol.errors import ProtocolError
from protocol.hashing import domain, keccak, words
from protocol.schnorr import are_points, challenge_of, coordinates, nonce_of, prove, proves, wide_scalar
from protocol.types import Dealing, DleqProof, G1Point, SchnorrProof


class CeremonyError(ProtocolError):
    """Something in the ceremony, or in the release of the key, does not hold."""


class InvalidDealing(CeremonyError):
    """A dealing of the wrong size, or with a point that is none."""


class BadProofOfKnowledge(CeremonyError):
    """A proof that is not of this point by this dealer, in this initiative's epoch (B13)."""


class BadShare(CeremonyError):
    """The share that a dealer sent does not fit its commitments; complain."""

    def __init__(self, dealer: int, receiver: int) -> None:
        super().__init__(f"the share of dealer {dealer} for trustee {receiver} does not fit the dealer's commitments")
        self.dealer = dealer
        self.receiver = receiver


class InvalidDleq(CeremonyError):
    """A complaint whose revealed point is not the one that dealer and complainant share."""


class InvalidShare(CeremonyError):
    """A released share that is not the trustee's (B8)."""


class WrongJointKey(CeremonyError):
    """Shares that do not combine to the joint key's secret."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What every proof and mask of a ceremony is bound to. `contract` is the Ceremony's 20-byte address."""

    chain_id: int
    contract: bytes
    initiative: int
    epoch: int

    @property
    def binding(self) -> bytes:
        """The four as words."""
        return words(self.chain_id, self.contract, self.initiative, self.epoch)


@dataclass(frozen=True, slots=True)
class Complaint:
    """The point that dealer and complainant share, revealed, and the proof that it is that point."""

    shared: G1Point
    proof: DleqProof


# Possession of a trustee's key


def _possession_binding(chain_id: int, consortium: bytes, entity: int) -> bytes:
    return words(domain("urna/trustee-key/v1"), chain_id, consortium, entity)


def trustee_key(decryption_key: int) -> G1Point:
    """EK, the public key of a trustee's decryption key (1 … r − 1)."""
    if not 1 <= decryption_key < SCALAR_FIELD:
        raise CeremonyError("a decryption key is in 1 … r − 1")
    return g1_mul(GENERATOR, decryption_key)


def prove_possession(decryption_key: int, chain_id: int, consortium: bytes, entity: int) -> SchnorrProof:
    """What registers a trustee's key with the consortium's contract (20-byte address)."""
    binding = _possession_binding(chain_id, consortium, entity)
    return prove(decryption_key, trustee_key(decryption_key), binding)


def verify_possession(key: G1Point, proof: SchnorrProof, chain_id: int, consortium: bytes, entity: int) -> bool:
    """Whether whoever made the proof knows the key's secret, and meant this entity."""
    return proves(proof, key, _possession_binding(chain_id, consortium, entity))


# Dealing


def _dealer_binding(name: str, epoch: Epoch, dealer: int) -> bytes:
    return domain(name) + epoch.binding + words(dealer)


def _constant_binding(epoch: Epoch, dealer: int) -> bytes:
    return _dealer_binding("urna/deal/constant/v1", epoch, dealer)


def _ephemeral_binding(epoch: Epoch, dealer: int) -> bytes:
    return _dealer_binding("urna/deal/ephemeral/v1", epoch, dealer)


def _share_mask(epoch: Epoch, dealer: int, receiver: int, shared: G1Point) -> int:
    data = _dealer_binding("urna/deal/share/v1", epoch, dealer) + words(receiver) + coordinates(shared)
    return int.from_bytes(keccak(data), "big")


def _derive(name: str, seed: bytes, epoch: Epoch, threshold: int, keys: Sequence[G1Point], index: int) -> int:
    trustees = keccak(coordinates(*keys))
    return wide_scalar(domain(name), words(seed), epoch.binding, words(threshold, trustees, index))


def evaluate(coefficients: Sequence[int], at: int) -> int:
    """The polynomial at a trustee's index, mod r; the constant term comes first."""
    return reduce(lambda value, coefficient: (value * at + coefficient) % SCALAR_FIELD, reversed(coefficients), 0)


def deal(seed: bytes, epoch: Epoch, dealer: int, threshold: int, keys: Sequence[G1Point]) -> Dealing:
    """A trustee's dealing to all trustees, itself included. `seed` is 32 bytes, not the decryption key.

    Raises:
        CeremonyError: an index or threshold out of range, a seed of another length, a key that is no point.
    """
    if len(seed) != 32 or not 1 <= dealer <= len(keys) or not 1 <= threshold <= len(keys):
        raise CeremonyError("a dealing needs a seed of 32 bytes, a dealer and a threshold within the trustees")
    if not are_points(*keys):
        raise CeremonyError("a trustee's key is not a point of the curve, or is infinity")
    coefficients = [_derive("urna/coefficient/v1", seed, epoch, threshold, keys, k) for k in range(threshold)]
    ephemeral = _derive("urna/ephemeral/v1", seed, epoch, threshold, keys, 0)
    return deal_polynomial(coefficients, ephemeral, epoch, dealer, keys)


def deal_polynomial(
    coefficients: Sequence[int], ephemeral: int, epoch: Epoch, dealer: int, keys: Sequence[G1Point]
) -> Dealing:
    """The dealing of a given polynomial (constant term first) and ephemeral; `deal` derives both from a seed."""
    commitments = tuple(g1_mul(GENERATOR, coefficient) for coefficient in coefficients)
    point = g1_mul(GENERATOR, ephemeral)
    shares = tuple(
        evaluate(coefficients, receiver) ^ _share_mask(epoch, dealer, receiver, g1_mul(key, ephemeral))
        for receiver, key in enumerate(keys, start=1)
    )
    return Dealing(
        commitments,
        point,
        shares,
        prove(coefficients[0], commitments[0], _constant_binding(epoch, dealer)),
        prove(ephemeral, point, _ephemeral_binding(epoch, dealer)),
    )


def verify_dealing(dealing: Dealing, epoch: Epoch, dealer: int, threshold: int, trustees: int) -> None:
    """What the contract checks of a dealing: sizes, points and both proofs of knowledge, in this order.

    Raises:
        InvalidDealing: sizes, or a point that is none.
        BadProofOfKnowledge: a proof out of range, or not of this point, dealer and epoch (B13).
    """
    if len(dealing.commitments) != threshold or len(dealing.shares) != trustees:
        raise InvalidDealing(f"{len(dealing.commitments)} commitments and {len(dealing.shares)} shares")
    if not are_points(*dealing.commitments, dealing.ephemeral):
        raise InvalidDealing("a point is not on the curve, or is infinity")
    if not proves(dealing.constant_proof, dealing.commitments[0], _constant_binding(epoch, dealer)):
        raise BadProofOfKnowledge(f"dealer {dealer} does not prove the constant term")
    if not proves(dealing.ephemeral_proof, dealing.ephemeral, _ephemeral_binding(epoch, dealer)):
        raise BadProofOfKnowledge(f"dealer {dealer} does not prove the ephemeral")


# Shares and complaints


def public_share(commitments: Sequence[G1Point], trustee: int) -> G1Point:
    """Σ j^k·C_k at a trustee's index j; of the joint commitments this is the trustee's public share Y_j."""
    return reduce(lambda value, point: g1_add(g1_mul(value, trustee), point), reversed(commitments), INFINITY)


def is_share(commitments: Sequence[G1Point], trustee: int, share: int) -> bool:
    """Whether the share is below r and the one that the commitments bind the trustee to."""
    return 0 <= share < SCALAR_FIELD and g1_mul(GENERATOR, share) == public_share(commitments, trustee)


def receive_share(dealing: Dealing, epoch: Epoch, dealer: int, receiver: int, decryption_key: int) -> int:
    """Decrypts and checks what a dealer sent.

    Raises:
        BadShare: it does not fit the commitments; `complain` has the proof (B8).
    """
    shared = g1_mul(dealing.ephemeral, decryption_key)
    share = dealing.shares[receiver - 1] ^ _share_mask(epoch, dealer, receiver, shared)
    if not is_share(dealing.commitments, receiver, share):
        raise BadShare(dealer, receiver)
    return share


def _complaint_binding(epoch: Epoch, dealer: int, complainant: int, *points: G1Point) -> bytes:
    return _dealer_binding("urna/complaint/v1", epoch, dealer) + words(complainant) + coordinates(*points)


def complain(dealing: Dealing, epoch: Epoch, dealer: int, complainant: int, decryption_key: int) -> Complaint:
    """Reveals the point that the complainant shares with this dealer, and proves that it is that point.

    Does not look whether the share is bad: a complaint over a good one is false, and will be named so.
    """
    key = g1_mul(GENERATOR, decryption_key)
    shared = g1_mul(dealing.ephemeral, decryption_key)
    binding = _complaint_binding(epoch, dealer, complainant, key, dealing.ephemeral, shared)
    nonce = nonce_of(decryption_key, binding)
    t1, t2 = g1_mul(GENERATOR, nonce), g1_mul(dealing.ephemeral, nonce)
    challenge = challenge_of(binding, coordinates(t1, t2))
    return Complaint(shared, DleqProof(t1, t2, (nonce + challenge * decryption_key) % SCALAR_FIELD))


def judge(complaint: Complaint, dealing: Dealing, epoch: Epoch, dealer: int, complainant: int, key: G1Point) -> bool:
    """Whether a complaint is upheld: the revealed point opens to a share that does not fit. False: a false complaint.

    Args:
        key: the complainant's, EK.

    Raises:
        InvalidDleq: the revealed point is not proved to be theirs.
    """
    shared, proof = complaint.shared, complaint.proof
    if not are_points(shared, proof.t1, proof.t2) or not 0 <= proof.s < SCALAR_FIELD:
        raise InvalidDleq(f"trustee {complainant}'s complaint holds a point or scalar out of range")
    binding = _complaint_binding(epoch, dealer, complainant, key, dealing.ephemeral, shared)
    challenge = challenge_of(binding, coordinates(proof.t1, proof.t2))
    of_key = g1_mul(GENERATOR, proof.s) == g1_add(proof.t1, g1_mul(key, challenge))
    of_shared = g1_mul(dealing.ephemeral, proof.s) == g1_add(proof.t2, g1_mul(shared, challenge))
    if not (of_key and of_shared):
        raise InvalidDleq(f"trustee {complainant} does not prove the shared point")
    share = dealing.shares[complainant - 1] ^ _share_mask(epoch, dealer, complainant, shared)
    return not is_share(dealing.commitments, complainant, share)


# Finalise, release, combine


def aggregate(dealings: Iterable[Dealing]) -> tuple[G1Point, ...]:
    """The joint commitments A_k: sums of the qualified dealers'. The first is the joint key.

    Raises:
        CeremonyError: no dealings, or dealings of different thresholds.
    """
    columns = [dealing.commitments for dealing in dealings]
    if not columns or len(set(map(len, columns))) != 1:
        raise CeremonyError("there must be dealings, all of one threshold")
    return tuple(reduce(g1_add, column) for column in zip(*columns, strict=True))


def secret_share(dealings: Mapping[int, Dealing], epoch: Epoch, trustee: int, decryption_key: int) -> int:
    """A trustee's share of the joint secret, from the qualified dealings by dealer.

    Raises:
        BadShare: a dealing that should not have qualified.
    """
    received = (receive_share(dealing, epoch, dealer, trustee, decryption_key) for dealer, dealing in dealings.items())
    return sum(received) % SCALAR_FIELD


def check_release(commitments: Sequence[G1Point], trustee: int, share: int) -> None:
    """Whether a released share is the trustee's.

    Raises:
        InvalidShare: it is not, and names the trustee (B8).
    """
    if not is_share(commitments, trustee, share):
        raise InvalidShare(f"the share released by trustee {trustee} does not fit the ceremony")


def lagrange(trustees: Sequence[int], trustee: int) -> int:
    """λ_j: the weight of trustee j among these, for interpolation at 0."""
    numerator = denominator = 1
    for other in trustees:
        if other != trustee:
            numerator = numerator * other % SCALAR_FIELD
            denominator = denominator * (other - trustee) % SCALAR_FIELD
    return numerator * pow(denominator, -1, SCALAR_FIELD) % SCALAR_FIELD


def combine(shares: Mapping[int, int], commitments: Sequence[G1Point]) -> int:
    """The joint secret key from released shares by trustee; any t of them give the same (B7).

    Raises:
        CeremonyError: fewer than t shares.
        InvalidShare: a share is not its trustee's.
        WrongJointKey: the result does not fit the joint key; unreachable when the shares fit the commitments.
    """
    if len(shares) < len(commitments):
        raise CeremonyError(f"{len(shares)} shares of the {len(commitments)} needed")
    for trustee, share in shares.items():
        check_release(commitments, trustee, share)
    chosen = sorted(shares)[: len(commitments)]
    secret = sum(lagrange(chosen, trustee) * shares[trustee] for trustee in chosen) % SCALAR_FIELD
    if g1_mul(GENERATOR, secret) != commitments[0]:
        raise WrongJointKey("the shares do not combine to the joint key's secret")
    return secret
