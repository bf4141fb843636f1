# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs in pabutools' own environment and imports nothing of Urna: pabutools_reference.py FILE.pb RULE..., JSON out."""

import json
import sys
import time

from pabutools import fractions
from pabutools.election import Cost_Sat, parse_pabulib
from pabutools.rules import greedy_utilitarian_welfare, method_of_equal_shares

fractions.FRACTION = "gmpy2"  # exact rationals


def main() -> None:
    instance, ballots = parse_pabulib(sys.argv[1])
    profile = ballots.as_multiprofile()  # equal ballots once, with their number
    # Satisfaction by cost, divided by cost in greedy's order, is the number of votes: the cities' own rule.
    rules = {
        "equal-shares": lambda: method_of_equal_shares(instance, profile, sat_class=Cost_Sat),
        "equal-shares-add1": lambda: method_of_equal_shares(
            instance, profile, sat_class=Cost_Sat, voter_budget_increment=1
        ),
        "greedy": lambda: greedy_utilitarian_welfare(instance, profile, sat_class=Cost_Sat),
    }
    result = {}
    for name in sys.argv[2:]:
        begun = time.perf_counter()
        winners = rules[name]()
        seconds = time.perf_counter() - begun
        result[name] = {"seconds": seconds, "winners": sorted(project.name for project in winners)}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
