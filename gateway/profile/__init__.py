# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a session knows of the person, and which initiatives are open to them."""
