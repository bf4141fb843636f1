# SPDX-License-Identifier: AGPL-3.0-or-later
"""Anonymous, sealed ballots: no session, no address, no time, no order of arrival."""
