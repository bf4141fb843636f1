# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports on the execution of winners: figures on chain, texts by their hash."""
