# SPDX-License-Identifier: AGPL-3.0-or-later
"""The chain's side: embedded engine, compiler, keys, RPC client, deployment, trustee and the command line."""
