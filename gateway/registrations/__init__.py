# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an eID to a leaf of the electorate, and from a lost leaf to a new one."""
