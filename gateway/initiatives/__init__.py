# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads: initiatives, their electorates in buckets, counts and results."""
