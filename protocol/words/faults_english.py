# SPDX-License-Identifier: AGPL-3.0-or-later
"""English: what is wrong with a field of a draft ("the field …"), and what to do."""

FAULTS: dict[str, tuple[str, str]] = {
    # The form
    "missing": ("is missing", "Add the field."),
    "unknown": ("is not known", "Take it out, or correct its name."),
    "not-an-object": ("is not an object", "Write it as {{…}} with the fields that the documentation lists."),
    "not-a-list": ("is not a list", "Write it as [ … ]."),
    "not-a-number": (
        "is not a whole number below 2^{bits}",
        "Write digits only, without a point, exponent or sign; large numbers may be in quotes.",
    ),
    "not-one-of": ("is {value}, but must be one of {names}", "Choose one of these names."),
    "not-a-text": ("is not a text of 1 to {limit} printable characters", "Write a text on one line."),
    "too-many-bytes": ("has more than {limit} bytes in UTF-8", "Shorten it; accented letters take two bytes each."),
    "no-scope": ("is no predicate: {reason}", "See docs/protocol/encodings.md for the criteria and their form."),
    "unreadable": ("is not readable JSON: {reason}", "Correct the file."),
    "file-too-long": ("is longer than {limit} bytes", "Take out what does not belong to the draft."),
    # The rules
    "InvalidWindows: registration opens in the past": (
        "is not in the future",
        "Choose a later time; allow for the days that approval takes.",
    ),
    "InvalidWindows: no registration": ("is not after the opening of registration", "Choose a later time."),
    "InvalidWindows: no review": (
        "is not after the close of registration",
        "Leave time for review between the two.",
    ),
    "InvalidWindows: no voting": ("is not after the opening of voting", "Choose a later time."),
    "InvalidWindows: too far ahead": (
        "lies more than ten years ahead",
        "Check the year, and that times are in seconds.",
    ),
    "InvalidWindows: challenge period too short": ("is less than an hour", "Use 3600 seconds or more."),
    "InvalidWindows: challenge period too long": ("is more than 30 days", "Use 2592000 seconds or less."),
    "InvalidWindows: extension too long": ("is more than 90 days", "Use 7776000 seconds or less."),
    "InvalidWindows: ceremony step too short": ("is less than 10 minutes", "Use 600 seconds or more."),
    "InvalidWindows: no time for the ceremony": (
        "is so long that two of them do not end before voting opens",
        "Shorten it, or open voting later.",
    ),
    "InvalidBallotRules: minLength is 0": (
        "is 0",
        "Use 1 or more; a voter who wants to say nothing can hand in a blank ballot.",
    ),
    "InvalidBallotRules: maxLength is 0": ("is 0", "Use 1 or more."),
    "InvalidBallotRules: minLength > maxLength": ("is more than max-length", "Lower it, or raise max-length."),
    "InvalidBallotRules: maxLength > 1024": ("is more than 1,024", "Lower it."),
    "InvalidBallotRules: single choice names one option": (
        "is not 1, and a single choice names one option",
        "Use 1, or the ballot type approval.",
    ),
    "InvalidBallotRules: maxCost is for knapsack": (
        "is missing from a knapsack ballot, or given for another type",
        "Give it for a knapsack ballot, and for no other.",
    ),
    "InvalidBallotRules: points are for cumulative": (
        "or another limit of points is given, but only cumulative ballots have points",
        "Take out min-points, max-points, min-sum-points and max-sum-points, or use the ballot type cumulative.",
    ),
    "InvalidBallotRules: ballot too long": (
        "makes ballots longer than the chain takes",
        "Lower it: at most 509 for cumulative, 1,019 for ordered ballots.",
    ),
    "InvalidBallotRules: maxPoints is 0": ("is 0", "Say how many points one option may get."),
    "InvalidBallotRules: minPoints > maxPoints": ("is more than max-points", "Lower it, or raise max-points."),
    "InvalidBallotRules: maxSumPoints is 0": ("is 0", "Say how many points a ballot may give in all."),
    "InvalidBallotRules: minSumPoints > maxSumPoints": (
        "is more than max-sum-points",
        "Lower it, or raise max-sum-points.",
    ),
    "InvalidBallotRules: sum of points out of reach": (
        "and min-sum-points leave no ballot that could meet them",
        "Fit the sums to the number of options and the points of each.",
    ),
    "InvalidBallotRules: pointsPerRank is for ordered": (
        "is given, but only ordered ballots have ranks",
        "Take it out, or use the ballot type ordered.",
    ),
    "InvalidBallotRules: pointsPerRank needs maxLength entries": (
        "does not have as many entries as max-length says",
        "Give the points of each place, from the first on.",
    ),
    "InvalidBallotRules: pointsPerRank is all 0": ("is all zeros", "Give the first place points at least."),
    "InvalidAllocationRules: budget": (
        "is missing, or given for a rule without one",
        "Give it in minor units (cents) for greedy and equal shares; leave it out for top-k and majority.",
    ),
    "InvalidAllocationRules: budget too large": ("is 2^128 or more", "Write it in minor units of the currency."),
    "InvalidAllocationRules: threshold": (
        "is missing from greedy-threshold",
        "Give the least score, or use the rule greedy.",
    ),
    "InvalidAllocationRules: winners": (
        "is missing from top-k, or given for another rule",
        "Give the number of winners for top-k, and for no other rule.",
    ),
    "InvalidAllocationRules: winners > 1024": ("is more than 1,024", "Lower it."),
    "InvalidAllocationRules: quorum": (
        "is given, but only majority has a quorum",
        "Take it out, or use the rule majority.",
    ),
    "InvalidRegistrars: more than 32": ("has more than 32 entities", "Name fewer."),
    "InvalidRegistrars: k < 2": (
        "is less than 2",
        "Use 2 or more: no single entity may decide who votes.",
    ),
    "InvalidRegistrars: k > n": ("is more than there are registrars", "Lower it, or name more registrars."),
    "InvalidRegistrars: not ascending": (
        "does not ascend, or names an entity twice",
        "Sort the numbers, each once and from 1 on.",
    ),
    "InvalidRegistrars: not active": (
        "names an entity that the consortium does not have or has suspended",
        "See `urna status` for the active entities.",
    ),
    "InvalidTrustees: more than 32": ("has more than 32 entities", "Name fewer."),
    "InvalidTrustees: t < 2": ("is less than 2", "Use 2 or more: no single entity may open ballots."),
    "InvalidTrustees: 2t - 1 > n": (
        "is more than half of the trustees allows",
        "Lower it, or name more trustees: with t, at least 2t - 1 are needed.",
    ),
    "InvalidTrustees: not ascending": (
        "does not ascend, or names an entity twice",
        "Sort the numbers, each once and from 1 on.",
    ),
    "InvalidTrustees: not active": (
        "names an entity that the consortium does not have or has suspended",
        "See `urna status` for the active entities.",
    ),
    "InvalidTrustees: no trustee key": (
        "names an entity that has registered no trustee's key",
        "That entity must call `urna trustee run` first.",
    ),
    "MinimumAnonymityTooSmall": (
        "is below the consortium's floor of {floor}",
        "Raise it to {floor} or more.",
    ),
    "InvalidRules: minAnonymity > 2^20": (
        "is more than an electorate holds",
        "Lower it; an electorate has 1,048,576 places.",
    ),
    "InvalidRules: proposalsPerPerson is 0": (
        "is 0",
        "Use 1 or more; to allow no proposals from outside, reject those that come.",
    ),
    "InvalidRules: pepperHash is 0": ("is missing", "It is made when the initiative is published."),
    "InvalidRules: no issuer": ("names no eID issuer", "Name the issuer as in the tokens' iss."),
    "InvalidRules: more than 16 issuers": ("has more than 16", "Name fewer."),
    "InvalidRules: issuer": ("names one that is empty or longer than 256 bytes", "Write it as in the tokens' iss."),
}
