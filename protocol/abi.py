# SPDX-License-Identifier: AGPL-3.0-or-later
"""Solidity's ABI for the types of this package, strict both ways.

The ABI type follows from the annotation: integers, byte strings and addresses carry it (`Uint64`, `Bytes32`,
`Address`), an enum is a `uint8`, `str` a `string`, `tuple[T, ...]` a `T[]`, a dataclass a tuple of its fields. Decoding
takes exactly what `abi.encode` produces (offsets in order, zero padding, nothing behind): one value, one encoding.
eth-abi accepts more and is slower, which matters to who replays a city.

A `string` that is not UTF-8 is legal on chain; it is read with U+FFFD for what is not, so that no text can stop a
reader.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from protocol.errors import ProtocolError

T = TypeVar("T")
_WORD = 32


class AbiError(ProtocolError):
    """Bytes that are not the canonical encoding of the type, or a value out of its type's range."""


@dataclass(frozen=True, slots=True)
class Uint:
    """Marks an int as `uint<bits>`."""

    bits: int


@dataclass(frozen=True, slots=True)
class FixedBytes:
    """Marks bytes of exactly this size; 20 is an `address`."""

    size: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """Marks a tuple as `T[length]`."""

    length: int


@dataclass(frozen=True, slots=True)
class RawString:
    """Marks bytes as a `string` whose exact bytes matter."""


Uint8 = Annotated[int, Uint(8)]
Uint16 = Annotated[int, Uint(16)]
Uint32 = Annotated[int, Uint(32)]
Uint64 = Annotated[int, Uint(64)]
Uint256 = Annotated[int, Uint(256)]
Bytes32 = Annotated[bytes, FixedBytes(32)]
Bytes20 = Annotated[bytes, FixedBytes(20)]
StringBytes = Annotated[bytes, RawString()]


class Codec(ABC):
    """One ABI type. `size` is what it takes in a head: its whole encoding when static, else one word."""

    name: str
    dynamic: bool = False
    size: int = _WORD

    @abstractmethod
    def encode(self, value: Any) -> bytes:
        """The encoding of the value itself, without offset."""

    @abstractmethod
    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        """The value whose encoding begins at `at`, and where that ends."""


def _word(data: bytes, at: int) -> int:
    if at + _WORD > len(data):
        raise AbiError(f"the data ends within the word at {at}")
    return int.from_bytes(data[at : at + _WORD], "big")


class _Uint(Codec):
    def __init__(self, bits: int) -> None:
        self.name = f"uint{bits}"
        self._limit = 1 << bits

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, int) or not 0 <= value < self._limit:
            raise AbiError(f"{value!r} is no {self.name}")
        return value.to_bytes(_WORD, "big")

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        value = _word(data, at)
        if value >= self._limit:
            raise AbiError(f"the word at {at} is no {self.name}")
        return value, at + _WORD


class _Bool(Codec):
    name = "bool"

    def encode(self, value: Any) -> bytes:
        return bytes(31) + bytes((bool(value),))

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        value = _word(data, at)
        if value > 1:
            raise AbiError(f"the word at {at} is no bool")
        return bool(value), at + _WORD


class _Enum(Codec):
    name = "uint8"

    def __init__(self, members: type[IntEnum]) -> None:
        self._members = members

    def encode(self, value: Any) -> bytes:
        return int(self._members(value)).to_bytes(_WORD, "big")

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        try:
            return self._members(_word(data, at)), at + _WORD
        except ValueError:
            raise AbiError(f"the word at {at} is no {self._members.__name__}") from None


class _FixedBytes(Codec):
    def __init__(self, size: int) -> None:
        self._bytes = size
        self.name = "address" if size == 20 else f"bytes{size}"

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != self._bytes:
            raise AbiError(f"{value!r} is no {self.name}")
        return value.rjust(_WORD, b"\0") if self._bytes == 20 else value.ljust(_WORD, b"\0")

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        end = at + _WORD
        if end > len(data):
            raise AbiError(f"the data ends within the word at {at}")
        start = end - self._bytes if self._bytes == 20 else at
        padding = data[at:start] + data[start + self._bytes : end]
        if any(padding):
            raise AbiError(f"the {self.name} at {at} is not padded with zeros")
        return data[start : start + self._bytes], end


class _Bytes(Codec):
    name = "bytes"
    dynamic = True

    def encode(self, value: Any) -> bytes:
        data = bytes(value)
        return len(data).to_bytes(_WORD, "big") + data + bytes(-len(data) % _WORD)

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        length = _word(data, at)
        start = at + _WORD
        end = start + length + (-length % _WORD)
        if end > len(data):
            raise AbiError(f"the data ends within the bytes at {at}")
        if any(data[start + length : end]):
            raise AbiError(f"the bytes at {at} are not padded with zeros")
        return data[start : start + length], end


class _RawString(_Bytes):
    name = "string"


class _Text(_Bytes):
    name = "string"

    def encode(self, value: Any) -> bytes:
        return super().encode(str(value).encode())

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        value, end = super().decode(data, at)
        return value.decode(errors="replace"), end


class _Tuple(Codec):
    """A struct, a fixed array, or (behind its length) a dynamic array: items with heads and tails."""

    def __init__(self, items: list[Codec], make: Any, take: Any, name: str | None = None) -> None:
        self.name = f"({','.join(item.name for item in items)})" if name is None else name
        self.dynamic = any(item.dynamic for item in items)
        self._items = items
        self._head = sum(item.size for item in items)
        self.size = _WORD if self.dynamic else self._head
        self._make = make
        self._take = take

    def encode(self, value: Any) -> bytes:
        return encode_items(self._items, self._take(value))

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        values, end = decode_items(self._items, data, at)
        return self._make(values), end


class _Array(Codec):
    dynamic = True

    def __init__(self, item: Codec) -> None:
        self.name = f"{item.name}[]"
        self._item = item

    def encode(self, value: Any) -> bytes:
        values = list(value)
        return len(values).to_bytes(_WORD, "big") + encode_items([self._item] * len(values), values)

    def decode(self, data: bytes, at: int) -> tuple[Any, int]:
        length = _word(data, at)
        if length * self._item.size > len(data) - at - _WORD:
            raise AbiError(f"the data ends within the array at {at}")
        values, end = decode_items([self._item] * length, data, at + _WORD)
        return tuple(values), end


def encode_items(items: list[Codec], values: list[Any]) -> bytes:
    """Heads, then tails; what Solidity's `abi.encode` makes of several arguments."""
    if len(items) != len(values):
        raise AbiError(f"{len(values)} values for {len(items)} types")
    heads: list[bytes] = []
    tails: list[bytes] = []
    offset = sum(item.size for item in items)
    for item, value in zip(items, values, strict=True):
        encoded = item.encode(value)
        if item.dynamic:
            heads.append(offset.to_bytes(_WORD, "big"))
            tails.append(encoded)
            offset += len(encoded)
        else:
            heads.append(encoded)
    return b"".join(heads + tails)


def decode_items(items: list[Codec], data: bytes, base: int) -> tuple[list[Any], int]:
    """The values whose heads begin at `base`, and where the last tail ends. Tails follow each other without gaps."""
    values: list[Any] = []
    at = base
    end = base + sum(item.size for item in items)
    for item in items:
        if item.dynamic:
            if _word(data, at) != end - base:
                raise AbiError(f"the offset at {at} is not canonical")
            at += _WORD
            value, end = item.decode(data, end)
        else:
            value, at = item.decode(data, at)
        values.append(value)
    return values, end


def codec_of(annotation: Any) -> Codec:
    """The ABI type of an annotation; see the module's text.

    Raises:
        TypeError: it has none.
    """
    return _codec(annotation)


@cache
def _codec(annotation: Any) -> Codec:
    while hasattr(annotation, "__supertype__"):
        annotation = annotation.__supertype__
    if get_origin(annotation) is Annotated:
        return _marked(*get_args(annotation))
    if get_origin(annotation) is tuple:
        return _Array(codec_of(get_args(annotation)[0]))
    if annotation is bool:
        return _Bool()
    if annotation is str:
        return _Text()
    if annotation is bytes:
        return _Bytes()
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        return _Enum(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        names = [field.name for field in fields(annotation)]
        items = [codec_of(hint) for hint in field_hints(annotation)]
        return _Tuple(items, lambda values: annotation(*values), lambda value: [getattr(value, name) for name in names])
    raise TypeError(f"{annotation!r} has no ABI type")


def _marked(base: Any, marker: object, *_: object) -> Codec:
    match marker:
        case Uint(bits):
            return _Uint(bits)
        case FixedBytes(size):
            return _FixedBytes(size)
        case RawString():
            return _RawString()
        case Fixed(length):
            item = codec_of(get_args(base)[0])
            return _Tuple([item] * length, tuple, list, f"{item.name}[{length}]")
    raise TypeError(f"{marker!r} marks no ABI type")


def field_hints(struct: Any) -> list[Any]:
    """Annotations of a dataclass's fields, in order, with their markers."""
    hints = get_type_hints(struct, include_extras=True)
    return [hints[field.name] for field in fields(struct)]


def encode(value: object) -> bytes:
    """`abi.encode(value)` of a struct.

    Raises:
        AbiError: a field is out of its type's range.
    """
    return encode_items([codec_of(type(value))], [value])


def decode(struct: type[T], data: bytes) -> T:
    """The struct whose `abi.encode` these bytes are.

    Raises:
        AbiError: they are not the canonical encoding of any.
    """
    values, end = decode_items([codec_of(struct)], data, 0)
    if end != len(data):
        raise AbiError(f"{len(data) - end} bytes follow the value")
    value: T = values[0]
    return value
