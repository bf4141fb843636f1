# SPDX-License-Identifier: AGPL-3.0-or-later
"""A pepper in a box that one registrar opens, and the registrar's signed statements around it.

Each registrar's gateway serves its X25519 key, signed by the account that the consortium knows; the publisher seals to
it (HPKE, RFC 9180; `protocol.pepper` says what the box is bound to) and gets a signed receipt. A box that comes twice
changes nothing: the rules name the pepper's hash.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from node.deployment import Deployment
from node.errors import PepperError
from node.keys import Secret, Signer
from protocol import eip712
from protocol.pepper import BOX_BYTES, KEY_BYTES, box_info
from protocol.tags import pepper_hash
from protocol.types import Address, EntityId, Hash32, InitiativeId

_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a box is for; sender and receiver must mean the same."""

    deployment: Deployment
    initiative: InitiativeId
    pepper_hash: Hash32
    receiver: EntityId

    def info(self) -> bytes:
        initiatives = Address(self.deployment.address("Initiatives"))
        return box_info(self.deployment.chain_id, initiatives, self.initiative, self.pepper_hash, self.receiver)


def public_key(private: Secret) -> Hash32:
    """The X25519 key to which others seal, 32 bytes."""
    return Hash32(X25519PrivateKey.from_private_bytes(private.reveal()).public_key().public_bytes_raw())


def seal(pepper: Secret, key: bytes, envelope: Envelope) -> bytes:
    """The box, 80 bytes. Raises PepperError where the key is no X25519 key, or the pepper is another one."""
    if pepper_hash(pepper.reveal()) != envelope.pepper_hash:
        raise PepperError("The pepper is not the one that the rules name.")
    if len(key) != KEY_BYTES:
        raise PepperError(f"A registrar's key has {KEY_BYTES} bytes, not {len(key)}.")
    try:
        return bytes(_HPKE.encrypt(pepper.reveal(), X25519PublicKey.from_public_bytes(key), info=envelope.info()))
    except ValueError as error:  # a point of small order
        raise PepperError("The registrar's key is no usable X25519 key.") from error


def unseal(box: bytes, private: Secret, envelope: Envelope) -> Secret:
    """The pepper. Raises PepperError where the box is not for this registrar, initiative and pepper."""
    if len(box) != BOX_BYTES:
        raise PepperError(f"A sealed pepper has {BOX_BYTES} bytes, not {len(box)}.")
    key = X25519PrivateKey.from_private_bytes(private.reveal())
    try:
        pepper = Secret(_HPKE.decrypt(box, key, info=envelope.info()))
    except (InvalidTag, ValueError) as error:
        raise PepperError("The sealed pepper does not open with this registrar's key for this initiative.") from error
    if pepper_hash(pepper.reveal()) != envelope.pepper_hash:
        raise PepperError("The pepper is not the one that the rules name.")
    return pepper


def sign_key(signer: Signer, deployment: Deployment, entity: EntityId, key: Hash32) -> bytes:
    """By the registrar's account: peppers for `entity` are sealed to `key`."""
    return signer.sign_digest(_digest(eip712.EncryptionKey(entity, key), deployment))


def sign_receipt(signer: Signer, envelope: Envelope) -> bytes:
    """By the registrar's account: it holds the pepper."""
    receipt = eip712.PepperReceipt(envelope.receiver, envelope.initiative, envelope.pepper_hash)
    return signer.sign_digest(_digest(receipt, envelope.deployment))


def check_key(account: bytes, deployment: Deployment, entity: EntityId, key: Hash32, signature: bytes) -> None:
    """Raises PepperError unless `account`, the registrar's by the consortium, signed the key."""
    _check(account, eip712.EncryptionKey(entity, key), deployment, signature, "encryption key")


def check_receipt(account: bytes, envelope: Envelope, signature: bytes) -> None:
    """Raises PepperError unless `account` signed the receipt."""
    receipt = eip712.PepperReceipt(envelope.receiver, envelope.initiative, envelope.pepper_hash)
    _check(account, receipt, envelope.deployment, signature, "receipt")


def _digest(statement: eip712.EncryptionKey | eip712.PepperReceipt, deployment: Deployment) -> Hash32:
    return eip712.digest(statement, deployment.chain_id, Address(deployment.address("Consortium")))


def _check(
    account: bytes,
    statement: eip712.EncryptionKey | eip712.PepperReceipt,
    deployment: Deployment,
    signature: bytes,
    what: str,
) -> None:
    try:
        signer = eip712.recover(_digest(statement, deployment), signature)
    except eip712.SignatureError:
        signer = None
    if signer != account:
        raise PepperError(f"The {what} of entity {statement.entity} is not signed by its registrar's account.")
