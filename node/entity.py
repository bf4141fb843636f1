# SPDX-License-Identifier: AGPL-3.0-or-later
"""An entity's folder: everything of a member that is secret, and `entity.json`, which is public.

entity.json                     name, endpoint, accounts by role, relay lanes
passphrase                      of all keystores, mode 0600
keys/member.json …              accounts: member, publisher, registrar, gateway, trustee
keys/gateway-0.json …           the gateway's relay lanes: accounts without any power
                                (an account in a token has NAME.token, its URI, instead: `node.token`)
keys/NAME.next.json             an account that is about to follow
keys/NAME.retired-ADDRESS.json  one that was followed
keys/trustee-seed.json          32 bytes from which every dealing follows
keys/trustee-decryption.json    the trustee's decryption key, a scalar of bn254
keys/registrar-decryption.json  the registrar's X25519 key, to which publishers seal peppers
peppers/                        one per initiative, to be destroyed after the appeal period (`node.peppers`)
outbox/                         signed transactions that are not final yet (`node.sender`)
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from node import keys
from node.accounts import Accounts
from node.errors import EntityError, KeystoreError
from node.keys import Secret, Signer
from node.peppers import PepperStore
from node.token import TokenUri
from protocol.bn254 import SCALAR_FIELD
from protocol.types import Role

SCHEMA = "urna/entity/v1"
DEFAULT_LANES = 4
MAX_LANES = 32
MAX_NAME, MAX_ENDPOINT = 128, 256  # bytes, as the consortium's contract has them
_ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicEntity:
    """What others may know. Addresses are 20 bytes. The gateway's account signs what it says; lanes only relay."""

    name: str
    endpoint: str
    accounts: Mapping[Role, bytes]
    lanes: tuple[bytes, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "schema": SCHEMA,
            "name": self.name,
            "endpoint": self.endpoint,
            "accounts": {role.label: "0x" + self.accounts[role].hex() for role in Role},
            "lanes": ["0x" + lane.hex() for lane in self.lanes],
        }


def read_public(path: Path) -> PublicEntity:
    """Reads an `entity.json` (or the one in a folder). Raises EntityError when it is missing or malformed."""
    path = path / "entity.json" if path.is_dir() else path
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EntityError(f"The entity's file {path} cannot be read; make one with: urna entity init DIR.") from error
    try:
        if content["schema"] != SCHEMA:
            raise EntityError(f"The file {path} has schema {content['schema']!r} instead of {SCHEMA!r}.")
        accounts = {role: _address(content["accounts"][role.label]) for role in Role}
        lanes = tuple(_address(lane) for lane in content["lanes"])
        name, endpoint = _name(content["name"]), _endpoint(content["endpoint"])
    except (KeyError, TypeError, ValueError) as error:
        raise EntityError(f"The entity's file {path} is malformed: {error}.") from error
    shared = 1 if lanes and lanes[0] == accounts[Role.GATEWAY] else 0  # folders of earlier versions, until they rotate
    if not lanes or len({*accounts.values(), *lanes}) != len(Role) + len(lanes) - shared:
        raise EntityError(f"The entity's file {path} lists accounts that do not fit together.")
    return PublicEntity(name, endpoint, accounts, lanes)


class EntityFolder:
    """An entity's folder, opened. Keys are decrypted when asked for and not kept here."""

    def __init__(self, path: Path) -> None:
        """Raises EntityError when the folder is not one."""
        self.path = path
        self.public = read_public(path / "entity.json")

    @classmethod
    def create(
        cls, path: Path, name: str, endpoint: str, lanes: int = DEFAULT_LANES, token: TokenUri | None = None
    ) -> EntityFolder:
        """Makes the folder with fresh keys; `entity.json` comes last, so that a broken-off start is seen and redone.
        The accounts' keys are made in the token, where one is given.

        Raises KeystoreError where the token is out of reach; EntityError where there is an entity already, or name,
        endpoint or lanes are out of bounds.
        """
        if (path / "entity.json").exists():
            raise EntityError(f"The folder {path} holds an entity already; choose another folder.")
        if not 1 <= lanes <= MAX_LANES:
            raise EntityError(f"An entity has 1 to {MAX_LANES} relay lanes, not {lanes}.")
        try:
            name, endpoint = _name(name), _endpoint(endpoint)
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in ("keys", "peppers", "outbox"):
                (path / part).mkdir(mode=0o700, exist_ok=True)
        except (ValueError, OSError) as error:
            raise EntityError(f"The entity cannot be made in {path}: {error}.") from error
        passphrase = keys.new_passphrase(path / "passphrase")
        made = Accounts(path / "keys", lambda: passphrase)
        accounts = {role: made.make(role.label, token).address for role in Role}
        lane_accounts = [made.make(f"gateway-{lane}", token).address for lane in range(lanes)]
        _new_secret(path / "keys" / "trustee-seed.json", secrets.token_bytes(32), passphrase)
        _new_secret(path / "keys" / "registrar-decryption.json", secrets.token_bytes(32), passphrase)
        scalar = secrets.randbelow(SCALAR_FIELD - 1) + 1
        _new_secret(path / "keys" / "trustee-decryption.json", scalar.to_bytes(32, "big"), passphrase)
        public = PublicEntity(name, endpoint, accounts, tuple(lane_accounts))
        _write_public(path, public)
        return cls(path)

    def successor(self, role: Role) -> Signer:
        """The key that is to follow this role's: a fresh one, or the one that a change left which was broken off. It
        is made where the present one is, in a keystore or a token."""
        accounts, name = self._accounts, role.label
        if not accounts.exists(f"{name}.next") and accounts.exists(name):
            key = accounts.load(name)
            if key.address != self.public.accounts[role]:
                return key  # it has its place already, only entity.json does not say so yet
        return accounts.make(f"{name}.next", accounts.token_of(name))

    def succeed(self, role: Role, address: bytes) -> None:
        """The successor takes its place; the old key's file stays, named by its account. May be repeated."""
        name = role.label
        if self._accounts.exists(f"{name}.next"):
            self._accounts.rename(name, f"{name}.retired-{self.public.accounts[role].hex()}")
            self._accounts.rename(f"{name}.next", name)
        accounts = {**self.public.accounts, role: address}
        self.public = replace(self.public, accounts=accounts)
        _write_public(self.path, self.public)

    def move_to(self, endpoint: str) -> None:
        """Keeps another endpoint. Raises EntityError where it is none."""
        try:
            self.public = replace(self.public, endpoint=_endpoint(endpoint))
        except ValueError as error:
            raise EntityError(f"The entity keeps its endpoint: {error}.") from error
        _write_public(self.path, self.public)

    @property
    def outbox(self) -> Path:
        return self.path / "outbox"

    def key(self, role: Role) -> Signer:
        """The account's key. Raises KeystoreError when it cannot be opened or is not the one in `entity.json`."""
        account = self.public.accounts[role]
        return self._account("gateway-0" if account == self.public.lanes[0] else role.label, account)

    def lane_key(self, lane: int) -> Signer:
        """The key of a relay lane, from 0."""
        return self._account(f"gateway-{lane}", self.public.lanes[lane])

    def trustee_seed(self) -> Secret:
        """The 32 bytes from which the trustee's dealings follow."""
        return self._secret("trustee-seed")

    def trustee_decryption_key(self) -> int:
        """The trustee's decryption key, 0 < ek < r."""
        return int.from_bytes(self._secret("trustee-decryption").reveal(), "big")

    def registrar_decryption_key(self) -> Secret:
        """The X25519 key that opens peppers sealed to this registrar; made when it is first asked for."""
        path = self.path / "keys" / "registrar-decryption.json"
        try:
            _new_secret(path, secrets.token_bytes(32), self._passphrase())
        except KeystoreError:  # another process was faster
            if not path.exists():
                raise
        return self._secret("registrar-decryption")

    def has_broker_key(self) -> bool:
        return (self.path / "keys" / "broker.json").exists()

    def broker_key(self) -> Secret:
        """The P-256 scalar of the entity's broker. Raises EntityError where there is none."""
        if not self.has_broker_key():
            raise EntityError(f"The entity in {self.path} has no broker's key; make one with: urna broker key")
        return self._secret("broker")

    def keep_broker_key(self, secret: Secret) -> None:
        """Raises KeystoreError where there is one already."""
        keys.store_secret(self.path / "keys" / "broker.json", secret, self._passphrase())

    def retire_broker_key(self) -> None:
        """Puts it aside, under a name of its own."""
        if self.has_broker_key():
            mark = secrets.token_hex(4)
            (self.path / "keys" / "broker.json").replace(self.path / "keys" / f"broker.retired-{mark}.json")

    @property
    def peppers(self) -> PepperStore:
        """By their keccak, as initiatives' rules name them."""
        return PepperStore(self.path / "peppers", self._passphrase)

    def _account(self, name: str, expected: bytes) -> Signer:
        key = self._accounts.load(name)
        if key.address != expected:
            raise KeystoreError(f"The key {name} in {self.path} is not the account that entity.json names.")
        return key

    @property
    def _accounts(self) -> Accounts:
        return Accounts(self.path / "keys", self._passphrase)

    def _secret(self, name: str) -> Secret:
        return keys.load_secret(self.path / "keys" / f"{name}.json", self._passphrase())

    def _passphrase(self) -> str:
        return keys.read_passphrase(self.path / "passphrase")


def _write_public(folder: Path, public: PublicEntity) -> None:
    keys.write_private(folder / "entity.json", json.dumps(public.to_json(), indent=2).encode() + b"\n")
    (folder / "entity.json").chmod(0o644)


def _new_secret(path: Path, value: bytes, passphrase: str) -> None:
    if not path.exists():
        keys.store_secret(path, Secret(value), passphrase)


def _address(value: object) -> bytes:
    if not isinstance(value, str) or not _ADDRESS.match(value.lower()):
        raise ValueError(f"{value!r} is not an address")
    return bytes.fromhex(value[2:])


def _name(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip().encode()) <= MAX_NAME or not value.isprintable():
        raise ValueError(f"the name has 1 to {MAX_NAME} bytes of printable characters")
    return value.strip()


def _endpoint(value: object) -> str:
    if not isinstance(value, str) or len(value.encode()) > MAX_ENDPOINT:
        raise ValueError("the endpoint is an address like https://urna.example.org")
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the endpoint {value!r} is not an address like https://urna.example.org")
    return value.rstrip("/")
