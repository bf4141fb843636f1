# SPDX-License-Identifier: AGPL-3.0-or-later
"""Thin bindings to the contracts: calls encoded, results and errors decoded by the compiled interfaces.

Structs go in as those of `protocol.types` (or tuples) and come out as `Record`s, whose fields are read by their names
in `contracts/Types.sol`; addresses are 20 bytes, `bytes32` are 32 bytes, numbers are int. Events: `node.events`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_canonical_address

from node.compiler import build
from node.errors import ContractError, RpcInvalidAnswer, RpcRefused
from node.keys import Call
from node.rpc import BlockTag, RpcClient
from protocol.hashing import keccak

_PANICS = {0x01: "assertion", 0x11: "overflow", 0x12: "division by zero", 0x32: "index out of range"}


class Record(Mapping[str, Any]):
    """A struct's values by name: `record["endpoint"]` or `record.endpoint`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Record({self._values!r})"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A function or error of an interface."""

    name: str
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(_type(part) for part in self.inputs)})"


class Interface:
    """One contract's interface, from the compiler's ABI."""

    def __init__(self, name: str, abi: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.functions = {entry.name: entry for entry in _entries(abi, "function")}
        self.errors = {keccak(entry.signature.encode())[:4]: entry for entry in _entries(abi, "error")}

    def encode(self, function: str, arguments: Sequence[Any]) -> bytes:
        """Call data. Raises TypeError or ValueError where the arguments do not fit the function."""
        entry = self.functions[function]
        if len(arguments) != len(entry.inputs):
            raise TypeError(f"{self.name}.{function} takes {len(entry.inputs)} arguments, not {len(arguments)}")
        types = [_type(part) for part in entry.inputs]
        return keccak(entry.signature.encode())[:4] + encode(types, [_plain(argument) for argument in arguments])

    def decode(self, function: str, data: bytes) -> Any:
        """A function's result: one value, or a Record where it returns several. Raises RpcInvalidAnswer."""
        outputs = self.functions[function].outputs
        values = _decode(outputs, data, f"{self.name}.{function}")
        return next(iter(values.values())) if len(outputs) == 1 else Record(values)

    def arguments(self, function: str, data: bytes) -> Mapping[str, Any] | None:
        """What call data would call a function with, by name; None where they are no such call."""
        with suppress(RpcInvalidAnswer):
            return _decode(self.functions[function].inputs, data[4:], f"{self.name}.{function}")
        return None


class Contract:
    """A contract at its address."""

    def __init__(self, interface: Interface, address: bytes) -> None:
        self.interface = interface
        self.address = address

    def call(self, function: str, *arguments: Any, what: str = "", gas: int | None = None) -> Call:
        """A transaction to be sent; `what` names it in words."""
        data = self.interface.encode(function, arguments)
        return Call(self.address, data, what or f"{self.interface.name}.{function}", gas)

    def read(self, rpc: RpcClient, function: str, *arguments: Any, tag: BlockTag = "latest") -> Any:
        """The result of a view. Raises ContractError when it reverts."""
        data = self.interface.encode(function, arguments)
        try:
            answer = rpc.eth_call(self.address, data, tag=tag)
        except RpcRefused as refusal:
            if not refusal.data:
                raise
            raise decode_error(refusal.data, f"{self.interface.name}.{function}") from refusal
        return self.interface.decode(function, answer)


@cache
def interface(name: str) -> Interface:
    """The interface with this name in `contracts/interfaces`, compiled. Raises CompilerError."""
    return Interface(name, cast(Sequence[Mapping[str, Any]], build()[name].abi))


@cache
def _errors() -> Mapping[bytes, _Entry]:
    """Every custom error that a compiled contract or library declares, by its selector."""
    found: dict[bytes, _Entry] = {}
    for artefact in build().artefacts:
        found |= Interface(artefact.name, cast(Sequence[Mapping[str, Any]], artefact.abi)).errors
    return found


def at(name: str, address: bytes) -> Contract:
    """The contract with interface `name` at `address` (20 bytes)."""
    return Contract(interface(name), address)


def decode_error(data: bytes, what: str) -> ContractError:
    """The typed error in revert data; unknown data become `Unexplained`, plain `require` texts `Error`."""
    entry = _errors().get(data[:4])
    if entry is not None:
        with suppress(RpcInvalidAnswer):
            return ContractError(entry.name, _decode(entry.inputs, data[4:], entry.name), data, what)
    if data[:4] == bytes.fromhex("08c379a0"):
        return ContractError("Error", _decode([{"type": "string", "name": "reason"}], data[4:], "Error"), data, what)
    if data[:4] == bytes.fromhex("4e487b71"):
        code = int.from_bytes(data[4:36], "big")
        return ContractError("Panic", {"code": code, "meaning": _PANICS.get(code, "unknown")}, data, what)
    return ContractError("Unexplained", {"data": data[:64]}, data, what)


def encode_values(parts: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> bytes:
    """`abi.encode` by an ABI's list of parameters."""
    return encode([_type(part) for part in parts], list(values))


def _plain(value: Any) -> Any:
    """Structs of `protocol.types` as tuples of their fields."""
    if is_dataclass(value):
        return tuple(_plain(getattr(value, field.name)) for field in fields(value))
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _entries(abi: Sequence[Mapping[str, Any]], kind: str) -> Iterator[_Entry]:
    for entry in abi:
        if entry["type"] == kind:
            yield _Entry(entry["name"], tuple(entry["inputs"]), tuple(entry.get("outputs", ())))


def _type(part: Mapping[str, Any]) -> str:
    """The canonical type: tuples spelled out."""
    kind = str(part["type"])
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type(inner) for inner in part["components"]) + ")" + kind[len("tuple") :]


def _decode(parts: Sequence[Mapping[str, Any]], data: bytes, what: str) -> dict[str, Any]:
    try:
        values = decode([_type(part) for part in parts], data)
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise RpcInvalidAnswer(f"The data of {what} do not decode: {error}.") from error
    return {
        part["name"] or str(place): _shape(part, str(part["type"]), value)
        for place, (part, value) in enumerate(zip(parts, values, strict=True))
    }


def _shape(part: Mapping[str, Any], kind: str, value: Any) -> Any:
    """Tuples become Records, lists tuples, addresses bytes."""
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return tuple(_shape(part, inner, one) for one in value)
    if kind == "tuple":
        components = part["components"]
        return Record({c["name"]: _shape(c, c["type"], v) for c, v in zip(components, value, strict=True)})
    return to_canonical_address(value) if kind == "address" else value
