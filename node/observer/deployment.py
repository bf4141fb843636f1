# SPDX-License-Identifier: AGPL-3.0-or-later
"""The deployment file and the published source, as the observer takes them: plain data, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.observer.errors import MalformedBundle
from node.observer.form import Form
from protocol.types import Address, Hash32, Suite

SCHEMA = "urna/deployment/v1"
SUITE = ("Initiatives", "Electorate", "Proposals", "Ceremony", "BallotBox", "Tally", "FollowUp")
"""The contracts of a suite, in the order of `Types.Suite`; the deployment's names."""


@dataclass(frozen=True, slots=True)
class DeployedContract:
    """One contract of the file; see docs/protocol/verification.md."""

    address: Address
    transaction: bytes
    block: int
    code_hash: bytes
    masked_code_hash: bytes
    source_hash: bytes
    unit: str


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """What the file says. `network` and `finality` are for display and for senders; nothing here depends on them."""

    network: str
    chain_id: int
    genesis_hash: bytes
    block: int
    finality: float
    verifying_key_hash: bytes
    minimum_anonymity: int
    compiler: Mapping[str, object]
    contracts: Mapping[str, DeployedContract]

    @property
    def consortium(self) -> Address:
        """The consortium's address."""
        return self.contracts["Consortium"].address

    @property
    def suite(self) -> Suite:
        """The suite's addresses."""
        return Suite(*(self.contracts[name].address for name in SUITE))

    @classmethod
    def read(cls, content: object) -> DeploymentFacts:
        """From the file's JSON. Raises MalformedBundle."""
        form = Form(content, "deployment")
        if form.text("schema") != SCHEMA:
            raise MalformedBundle(f"deployment.schema is not {SCHEMA}")
        contracts = form.items("contracts")
        facts = cls(
            network=form.text("network"),
            chain_id=form.number("chainId"),
            genesis_hash=form.octets("genesisHash", 32),
            block=form.number("block"),
            finality=form.real("finalitySeconds"),
            verifying_key_hash=form.octets("verifyingKeyHash", 32),
            minimum_anonymity=form.number("minimumAnonymity"),
            compiler=form.items("compiler"),
            contracts={name: _contract(one, f"deployment.contracts.{name}") for name, one in contracts.items()},
        )
        form.done()
        missing = [name for name in ("Consortium", *SUITE) if name not in facts.contracts]
        if missing:
            raise MalformedBundle(f"deployment.contracts lacks {', '.join(missing)}")
        if len({one.address for one in facts.contracts.values()}) != len(facts.contracts):
            raise MalformedBundle("deployment.contracts names an address twice")
        return facts


def _contract(content: object, name: str) -> DeployedContract:
    form = Form(content, name)
    one = DeployedContract(
        address=Address(form.octets("address", 20)),
        transaction=Hash32(form.octets("transaction", 32)),
        block=form.number("block"),
        code_hash=form.octets("codeHash", 32),
        masked_code_hash=form.octets("maskedCodeHash", 32),
        source_hash=form.octets("sourceHash", 32),
        unit=form.text("unit"),
    )
    form.done()
    return one


@dataclass(frozen=True, slots=True)
class Linked:
    """Where a library's address (20 bytes) belongs in creation and runtime code; `library` is its name."""

    library: str
    creation: tuple[int, ...]
    runtime: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PublishedContract:
    """What the published source compiles to. Positions of links and immutables ((start, length)) hold zeros."""

    name: str
    unit: str
    creation: bytes
    runtime: bytes
    links: tuple[Linked, ...]
    immutables: tuple[tuple[int, int], ...]
    source_hash: bytes


@dataclass(frozen=True, slots=True)
class PublishedSource:
    """The whole compilation; `compiler` as the deployment file has it, contracts by `unit:Name`."""

    compiler: Mapping[str, object]
    contracts: Mapping[str, PublishedContract]
