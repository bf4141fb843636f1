# SPDX-License-Identifier: AGPL-3.0-or-later
"""The root of this package's exceptions, and what every encoding may be refused for.

ProtocolError
├── EncodingFault            bytes that mean nothing
│   ├── InvalidPoint         no point of bn254's G1 (or of G2's subgroup), or infinity where none is allowed
│   ├── InvalidScalar        an integer outside the range of its field or group
│   ├── WrongLength          bytes or lists that do not have the length that they must have
│   ├── InvalidLeaf          a leaf, or its place, that a tree does not take
│   └── InvalidProof         the bytes of a proof or of a key that are none; not a proof that does not hold
├── AbiError                 protocol.abi: no canonical encoding of the type
├── EventError               protocol.events: a log that is no event of its contract
├── InvalidEvent             protocol.state: an event that the contracts could not have emitted
├── ResultError              protocol.result: nothing is counted, so there is no result
├── CheckFailed, NotVerifiable   protocol.checks
├── RulesError …             protocol.rules: what an initiative's creation refuses
├── ScopeError, OutOfScope   protocol.scope: a predicate that means nothing; a person who does not meet it
├── TagError, NonceError, EvidenceError, JsonError, SignatureError   what is hashed and signed
├── BallotError …            protocol.ballot: a blob that is no ballot
├── PlaintextError …         protocol.plaintext: a choice that the rules do not allow
├── SealError                protocol.sealing
├── CeremonyError …          protocol.ceremony: dealings, complaints, shares
├── AllocationError          protocol.allocation: a rule that cannot be applied
└── PbError                  protocol.pabulib: a file, with line and column
"""


class ProtocolError(Exception):
    """Something that came from outside breaks a rule of the protocol. Every error of this package is one."""


class EncodingFault(ProtocolError):
    """Bytes that mean nothing.

    `reason` is a stable code (`wrong-length`, `coordinate-range`, `off-curve`, `infinity`, `outside-subgroup`,
    `scalar-range`, `zero-leaf`, `index-range`, `empty-tree`, `full-tree`, `bad-key-file`); `what` names the thing read;
    `index` is its place in its list, or None.
    """

    def __init__(self, reason: str, what: str, index: int | None = None) -> None:
        place = "" if index is None else f" {index}"
        super().__init__(f"{what}{place}: {reason}")
        self.reason = reason
        self.what = what
        self.index = index


class InvalidPoint(EncodingFault):
    """A coordinate of p or more, a point off the curve or outside the subgroup, or infinity."""


class InvalidScalar(EncodingFault):
    """An integer that is negative, too large or zero where that is not allowed."""


class WrongLength(EncodingFault):
    """A wrong number of bytes or items."""


class InvalidLeaf(EncodingFault):
    """A leaf of zero, an index that has no leaf, a tree that is empty or full."""


class InvalidProof(EncodingFault):
    """A proof or verifying key that is not even one in form (B3)."""
