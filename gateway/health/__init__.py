# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether this gateway lives, takes writes, answers with what is current; and if not, why."""
