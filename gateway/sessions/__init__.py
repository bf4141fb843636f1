# SPDX-License-Identifier: AGPL-3.0-or-later
"""Log-in sessions: short, revocable, in memory alone, and never near a ballot."""
