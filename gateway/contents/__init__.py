# SPDX-License-Identifier: AGPL-3.0-or-later
"""Texts by the hash that stands on chain: kept here, fetched from the other members, erased when the chain says so."""
