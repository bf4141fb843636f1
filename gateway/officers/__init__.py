# SPDX-License-Identifier: AGPL-3.0-or-later
"""The people who act for the entity: which roles it gave them, and what they did."""
