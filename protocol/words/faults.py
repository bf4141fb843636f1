# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is wrong with a draft's field, and what to do about it.

A fault has a code. Those of the form (`missing`, `not-a-number`, …) take parameters; those of the rules are the error
and reason of `protocol.rules`, as `InvalidWindows: no review`, and know the field that they are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from protocol.rules import MinimumAnonymityTooSmall, RulesError
from protocol.words import faults_english, faults_portuguese
from protocol.words.language import Language

TEXTS: dict[Language, dict[str, tuple[str, str]]] = {"en": faults_english.FAULTS, "pt": faults_portuguese.FAULTS}

FIELDS: dict[str, str] = {
    "InvalidWindows: registration opens in the past": "windows.registration-opens",
    "InvalidWindows: no registration": "windows.registration-closes",
    "InvalidWindows: no review": "windows.voting-opens",
    "InvalidWindows: no voting": "windows.voting-closes",
    "InvalidWindows: too far ahead": "windows.voting-closes",
    "InvalidWindows: challenge period too short": "windows.challenge-period",
    "InvalidWindows: challenge period too long": "windows.challenge-period",
    "InvalidWindows: extension too long": "windows.max-extension",
    "InvalidWindows: ceremony step too short": "windows.ceremony-step",
    "InvalidWindows: no time for the ceremony": "windows.ceremony-step",
    "InvalidBallotRules: minLength is 0": "ballot.min-length",
    "InvalidBallotRules: maxLength is 0": "ballot.max-length",
    "InvalidBallotRules: minLength > maxLength": "ballot.min-length",
    "InvalidBallotRules: maxLength > 1024": "ballot.max-length",
    "InvalidBallotRules: single choice names one option": "ballot.max-length",
    "InvalidBallotRules: maxCost is for knapsack": "ballot.max-cost",
    "InvalidBallotRules: points are for cumulative": "ballot.max-points",
    "InvalidBallotRules: ballot too long": "ballot.max-length",
    "InvalidBallotRules: maxPoints is 0": "ballot.max-points",
    "InvalidBallotRules: minPoints > maxPoints": "ballot.min-points",
    "InvalidBallotRules: maxSumPoints is 0": "ballot.max-sum-points",
    "InvalidBallotRules: minSumPoints > maxSumPoints": "ballot.min-sum-points",
    "InvalidBallotRules: sum of points out of reach": "ballot.max-sum-points",
    "InvalidBallotRules: pointsPerRank is for ordered": "ballot.points-per-rank",
    "InvalidBallotRules: pointsPerRank needs maxLength entries": "ballot.points-per-rank",
    "InvalidBallotRules: pointsPerRank is all 0": "ballot.points-per-rank",
    "InvalidAllocationRules: budget": "allocation.budget",
    "InvalidAllocationRules: budget too large": "allocation.budget",
    "InvalidAllocationRules: threshold": "allocation.threshold",
    "InvalidAllocationRules: winners": "allocation.winners",
    "InvalidAllocationRules: winners > 1024": "allocation.winners",
    "InvalidAllocationRules: quorum": "allocation.quorum",
    "InvalidRegistrars: more than 32": "registrars",
    "InvalidRegistrars: k < 2": "registrar-threshold",
    "InvalidRegistrars: k > n": "registrar-threshold",
    "InvalidRegistrars: not ascending": "registrars",
    "InvalidRegistrars: not active": "registrars",
    "InvalidTrustees: more than 32": "trustees",
    "InvalidTrustees: t < 2": "trustee-threshold",
    "InvalidTrustees: 2t - 1 > n": "trustee-threshold",
    "InvalidTrustees: not ascending": "trustees",
    "InvalidTrustees: not active": "trustees",
    "InvalidTrustees: no trustee key": "trustees",
    "MinimumAnonymityTooSmall": "minimum-anonymity",
    "InvalidRules: minAnonymity > 2^20": "minimum-anonymity",
    "InvalidRules: proposalsPerPerson is 0": "proposals-per-person",
    "InvalidRules: pepperHash is 0": "pepper",
    "InvalidRules: no issuer": "issuers",
    "InvalidRules: more than 16 issuers": "issuers",
    "InvalidRules: issuer": "issuers",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """`wrong` completes "the field …"; `remedy` is a sentence."""

    wrong: str
    remedy: str


def code_of(error: RulesError) -> str:
    """The code under which the rules' fault is explained."""
    name = type(error).__name__
    return name if isinstance(error, MinimumAnonymityTooSmall) else f"{name}: {error.reason}"


def field_of(error: RulesError) -> str:
    """The draft's field that a fault of the rules is about."""
    return FIELDS[code_of(error)]


def advice(code: str, language: Language, parameters: Mapping[str, str] | None = None) -> Advice:
    """What is wrong and what to do. Raises KeyError for a code that nobody gives."""
    wrong, remedy = TEXTS[language][code]
    return Advice(wrong.format(**(parameters or {})), remedy.format(**(parameters or {})))
