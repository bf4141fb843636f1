# SPDX-License-Identifier: AGPL-3.0-or-later
"""From the eID's attributes to claims in the scope's words, and to what identifies a person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from xml.etree import ElementTree

from gateway.broker.settings import Attribute, BrokerSettings

MAX_XML = 16 * 1024
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_DAY_FIRST = re.compile(r"([0-9]{2})[-/]([0-9]{2})[-/]([0-9]{4})", re.ASCII)
_PARISH = re.compile(r"[0-9]{6}", re.ASCII)


def identifier(settings: BrokerSettings, values: Mapping[str, str]) -> str | None:
    """What stays the same when the document changes, with its kind, so that two kinds never meet; None where the eID
    has none of the attributes that identify."""
    for name in settings.subject:
        value = "".join(unicodedata.normalize("NFKC", values.get(name, "")).split()).upper()
        if value.isdigit():
            value = value.lstrip("0")
        if value:
            return f"{name} {value}"
    return None


def claims(settings: BrokerSettings, values: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The claims that could be had; what cannot be read is left out, which to a scope denies."""
    found: dict[str, str | list[str]] = {}
    for name, source in settings.claims.items():
        value = _read(source, values.get(source.attribute, "").strip())
        if value:
            found[name] = value[0] if len(value) == 1 else value
    return found


def _read(source: Attribute, value: str) -> list[str]:
    if not value:
        return []
    if source.form == "date":
        return [day] if (day := _day(value)) else []
    if source.form == "address":
        return [source.prefix + code for code in _address(value)]
    return [source.prefix + source.values.get(value, value)]


def _day(value: str) -> str | None:
    if found := _ISO.fullmatch(value):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.fullmatch(value):
        day, month, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _address(document: str) -> list[str]:
    """Municipality and parish of a Portuguese address: DistritoConcelhoFreguesia has two digits for each of district,
    municipality and parish. Nothing for a foreign one."""
    if len(document) > MAX_XML or "<!" in document:  # no document type, no entities
        return []
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        return []
    codes = [(element.text or "").strip() for element in root.iter() if _local(element.tag) == _CODE]
    if len(codes) != 1 or not _PARISH.fullmatch(codes[0]):
        return []
    return [codes[0][:4], codes[0]]


_CODE = "DistritoConcelhoFreguesia"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
