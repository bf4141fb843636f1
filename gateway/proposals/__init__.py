# SPDX-License-Identifier: AGPL-3.0-or-later
"""Proposals: content-addressed texts, submitted under an author's tag."""
