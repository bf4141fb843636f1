# SPDX-License-Identifier: AGPL-3.0-or-later
"""From accepted submissions to final transactions: sign before sending, send the same bytes until final."""
