# SPDX-License-Identifier: AGPL-3.0-or-later
"""Types, enums and events are those of the contracts, and a log has one reading or none."""

from __future__ import annotations

from dataclasses import fields

import pytest
from eth_abi.abi import decode as reference_decode
from hypothesis import given
from hypothesis import strategies as st

from protocol import abi, eip712, events, types
from protocol import rules as rulebook
from protocol.eip712 import camel_case
from protocol.events import TOPICS, BallotCast, Contract, EventError, decode, encode
from protocol.types import InitiativeId, Nullifier
from tests.protocol import solidity
from tests.protocol.chronicle import whole_life

INTERFACES = {
    "IConsortium": Contract.CONSORTIUM,
    "IInitiatives": Contract.INITIATIVES,
    "IElectorate": Contract.ELECTORATE,
    "IProposals": Contract.PROPOSALS,
    "ICeremony": Contract.CEREMONY,
    "IBallotBox": Contract.BALLOT_BOX,
    "ITally": Contract.TALLY,
    "IFollowUp": Contract.FOLLOW_UP,
}
STRUCTS = {
    "Rules": rulebook.Rules,
    "Windows": types.Windows,
    "BallotRules": types.BallotRules,
    "AllocationRules": types.AllocationRules,
    "Suite": types.Suite,
    "G1Point": types.G1Point,
    "P256Point": types.P256Point,
    "SchnorrProof": types.SchnorrProof,
    "DleqProof": types.DleqProof,
    "Dealing": types.Dealing,
    "RegistrationBatch": eip712.RegistrationBatch,
    "Replacement": eip712.Replacement,
    "Submission": eip712.Submission,
}


@pytest.mark.parametrize("interface", INTERFACES)
def test_events_are_those_of_the_interface(interface: str) -> None:
    mirrored = []
    for event in TOPICS[INTERFACES[interface]].values():
        hints = zip(fields(event), abi.field_hints(event), strict=True)  # type: ignore[arg-type]
        listed = [
            (abi.codec_of(hint).name, place < event.INDEXED, camel_case(field.name))
            for place, (field, hint) in enumerate(hints)
        ]
        mirrored.append((event.__name__, listed))
    assert mirrored == solidity.events()[interface]


def test_every_interface_with_events_is_mirrored() -> None:
    assert solidity.events().keys() == INTERFACES.keys()


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_are_those_of_the_contracts(name: str) -> None:
    struct = STRUCTS[name]
    hints = zip(fields(struct), abi.field_hints(struct), strict=True)
    assert [(abi.codec_of(hint).name, camel_case(field.name)) for field, hint in hints] == solidity.structs()[name]


def test_enums_are_those_of_the_contracts() -> None:
    for name, members in solidity.enums().items():
        mirror = getattr(types, name)
        labels = [member.label.replace("-", "") for member in sorted(mirror)]
        assert labels == [member.lower() for member in members], name


def test_labels_name_their_members() -> None:
    assert types.AllocationRule.EQUAL_SHARES_ADD1.label == "equal-shares-add1"
    assert types.BallotType.from_label("yes-no-abstain") is types.BallotType.YES_NO_ABSTAIN
    with pytest.raises(ValueError, match="no BallotType"):
        types.BallotType.from_label("YES_NO_ABSTAIN")


def test_every_event_comes_back_and_another_library_reads_the_same() -> None:
    seen = set()
    for event, _ in whole_life().log:
        topics, data = encode(event)
        assert decode(event.CONTRACT, topics, data) == event
        names = [abi.codec_of(hint).name for hint in abi.field_hints(type(event))]
        assert len(reference_decode(names[event.INDEXED :], data)) == len(names) - event.INDEXED
        seen.add(type(event))
    assert seen == {event for table in TOPICS.values() for event in table.values()}


@given(entry=st.binary(max_size=100), cut=st.integers(1, 40), place=st.integers(0, 300), bit=st.integers(0, 7))
def test_B3_a_log_has_one_encoding(entry: bytes, cut: int, place: int, bit: int) -> None:
    event = BallotCast(InitiativeId(1), Nullifier(5), entry)
    topics, data = encode(event)
    with pytest.raises(EventError):
        decode(Contract.BALLOT_BOX, topics, data[:-cut])
    with pytest.raises(EventError):
        decode(Contract.BALLOT_BOX, topics, data + bytes(cut))
    place %= len(data)
    flipped = data[:place] + bytes((data[place] ^ 1 << bit,)) + data[place + 1 :]
    try:
        other = decode(Contract.BALLOT_BOX, topics, flipped)
    except EventError:
        return
    assert other != event
    assert encode(other) == (topics, flipped)


def test_a_log_of_another_contract_or_shape_is_refused() -> None:
    topics, data = encode(BallotCast(InitiativeId(1), Nullifier(5), b"x"))
    too_wide = (topics[0], (1 << 64).to_bytes(32, "big"), topics[2])
    unknown, long = (b"\0" * 32, *topics[1:]), (*topics[:2], topics[2] + b"\0")
    for wrong in [(), topics[:2], (*topics, topics[1]), unknown, too_wide, long]:
        with pytest.raises(EventError):
            decode(Contract.BALLOT_BOX, wrong, data)
    with pytest.raises(EventError):
        decode(Contract.TALLY, topics, data)


def test_an_unknown_enum_member_is_refused() -> None:
    event = events.BallotCounted(InitiativeId(1), Nullifier(5), types.Outcome.NULL, b"x")
    topics, data = encode(event)
    with pytest.raises(EventError, match="Outcome"):
        decode(Contract.TALLY, topics, (3).to_bytes(32, "big") + data[32:])


def test_text_that_is_not_utf8_stops_no_reader() -> None:
    topics, data = encode(events.EndpointChanged(types.EntityId(1), "aé"))
    broken = data.replace("é".encode(), b"\xff\xfe")
    assert decode(Contract.CONSORTIUM, topics, broken) == events.EndpointChanged(types.EntityId(1), "a��")
