# SPDX-License-Identifier: AGPL-3.0-or-later
"""What entities sign (EIP-712): batches, replacements and submissions for the contracts (IElectorate, IProposals),
and statements to each other and to citizens, which no contract reads.

The structs' hashes follow from their annotations, as everywhere: field names in camel case, ABI types.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TypeAlias, get_args

from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError

from protocol.abi import AbiError, Codec, Uint64, codec_of, field_hints
from protocol.errors import ProtocolError
from protocol.hashing import keccak, words
from protocol.types import Address, Commitment, EntityId, Hash32, InitiativeId, PromiseKind, Tag

SIGNATURE_BYTES = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


class SignatureError(ProtocolError):
    """Bytes that are no signature that the contracts accept, or from which no key follows."""


@dataclass(frozen=True, slots=True)
class RegistrationBatch:
    """Persons to be registered: tags and commitments in step. `valid_until` is chain time, at most a day ahead."""

    initiative: InitiativeId
    batch_id: Hash32
    valid_until: Uint64
    tags: tuple[Tag, ...]
    commitments: tuple[Commitment, ...]
    evidence_root: Hash32


@dataclass(frozen=True, slots=True)
class Replacement:
    """A person's commitment to be replaced by a new one."""

    initiative: InitiativeId
    batch_id: Hash32
    valid_until: Uint64
    tag: Tag
    old_commitment: Commitment
    new_commitment: Commitment
    evidence_root: Hash32


@dataclass(frozen=True, slots=True)
class Submission:
    """A proposal to be submitted by its author."""

    initiative: InitiativeId
    batch_id: Hash32
    valid_until: Uint64
    author_tag: Tag
    content_hash: Hash32
    evidence_root: Hash32


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """By the registrar's account of `entity`: peppers for it are sealed to this X25519 key (protocol.pepper)."""

    entity: EntityId
    key: Hash32


@dataclass(frozen=True, slots=True)
class PepperReceipt:
    """By the registrar's account of `entity`: it holds the initiative's pepper."""

    entity: EntityId
    initiative: InitiativeId
    pepper_hash: Hash32


@dataclass(frozen=True, slots=True)
class Promise:
    """By the gateway's account of `entity`: `content` will stand on the chain by `latest_block` (protocol.promise)."""

    entity: EntityId
    kind: PromiseKind
    initiative: InitiativeId
    content: Hash32
    latest_block: Uint64


Signable: TypeAlias = RegistrationBatch | Replacement | Submission
Statement: TypeAlias = Signable | EncryptionKey | PepperReceipt | Promise

_NAMES: dict[type, str] = {
    RegistrationBatch: "Urna Electorate",
    Replacement: "Urna Electorate",
    Submission: "Urna Proposals",
    EncryptionKey: "Urna Registrar",
    PepperReceipt: "Urna Registrar",
    Promise: "Urna Gateway",
}


def camel_case(name: str) -> str:
    """`batch_id` as `batchId`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def type_string(struct: type[Statement]) -> str:
    """EIP-712's `encodeType` of one of the structs."""
    hints = zip(fields(struct), field_hints(struct), strict=True)
    members = ",".join(f"{codec_of(hint).name} {camel_case(field.name)}" for field, hint in hints)
    return f"{struct.__name__}({members})"


_TYPE_STRINGS: dict[type, str] = {struct: type_string(struct) for struct in get_args(Statement)}
#: Their fields and how they are encoded; looked up once, since promises are signed by the thousand.
_MEMBERS: dict[type, tuple[tuple[str, Codec], ...]] = {
    struct: tuple((field.name, codec_of(hint)) for field, hint in zip(fields(struct), field_hints(struct), strict=True))
    for struct in get_args(Statement)
}
_TYPE_HASHES = {struct: keccak(text.encode()) for struct, text in _TYPE_STRINGS.items()}


@cache
def domain_separator(name: str, chain_id: int, contract: Address) -> bytes:
    """EIP-712's separator for version "1"."""
    hashes = (keccak(text.encode()) for text in (_DOMAIN_TYPE, name, "1"))
    return keccak(words(*hashes, chain_id, contract))


def struct_hash(message: Statement) -> bytes:
    """EIP-712's `hashStruct`."""
    encoded = [_TYPE_HASHES[type(message)]]
    for name, codec in _MEMBERS[type(message)]:
        value = getattr(message, name)
        encoded.append(keccak(words(*value)) if isinstance(value, tuple) else codec.encode(value))
    return keccak(b"".join(encoded))


def digest(message: Statement, chain_id: int, contract: Address) -> Hash32:
    """What is signed. `contract` is the Electorate's address, of a submission the Proposals', of a registrar's
    statement the Consortium's, of a promise that of the contract on which it will stand.

    Raises:
        SignatureError: a field is out of its type's range.
    """
    try:
        hashed = struct_hash(message)
    except (AbiError, OverflowError, ValueError) as error:
        raise SignatureError(str(error)) from None
    return Hash32(keccak(b"\x19\x01" + domain_separator(_NAMES[type(message)], chain_id, contract) + hashed))


def sign(digest_: Hash32, private_key: bytes) -> bytes:
    """r ‖ s ‖ v, 65 bytes, v 27 or 28, s in the lower half."""
    signature = keys.PrivateKey(private_key).sign_msg_hash(digest_)
    return signature.to_bytes()[:64] + bytes((27 + signature.v,))


def recover(digest_: Hash32, signature: bytes) -> Address:
    """The account that signed; as OpenZeppelin's ECDSA, which refuses a high s and any other length.

    Raises:
        SignatureError: no account could have made it.
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise SignatureError("a signature has 65 bytes and ends with 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise SignatureError("the signature's s is in the upper half")
    try:
        made = keys.Signature(signature[:64] + bytes((signature[64] - 27,)))
        return Address(made.recover_public_key_from_msg_hash(digest_).to_canonical_address())
    except (BadSignature, ValidationError, ValueError) as error:
        raise SignatureError(f"no account made this signature: {error}") from None
