# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drafts: every version is kept; who wrote one does not approve it."""
