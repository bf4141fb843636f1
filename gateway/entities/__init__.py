# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads: the consortium's entities, and the electorate counters that follow from them."""
