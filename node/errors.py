# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exceptions of `node`. Every message is one plain sentence: what, to what, and what to do.

NodeError
├── RpcError                the chain's RPC
│   ├── RpcUnavailable      no answer: connection, timeout, HTTP status
│   │   └── RpcTooLong      more bytes than allowed
│   ├── RpcInvalidAnswer    an answer that cannot be true
│   └── RpcRefused          a JSON-RPC error object (code, data)
├── ContractError           a contract refused, with its own error's name and arguments
├── SendError               a transaction could not be brought to the chain
│   ├── AccountBusy         another process sends with the same account
│   └── NotFinal            no receipt, or not final, within the time allowed
├── PepperError             a pepper that does not open, is another one, or is not to be destroyed yet
├── PromiseFileError        a file that holds no promise
├── KeystoreError           a key file or passphrase that cannot be used
├── MemberAuthError         a request between members that is not authentic (code)
├── EntityError             an entity's folder
├── DeploymentError         deploying, or a deployment file that does not hold
├── DraftError              a draft of an initiative (path of the field)
├── TrusteeError            a trustee's duty that cannot be done as things are
├── CompilerError           compiling the contracts
└── EngineError             starting or steering the embedded chain
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class NodeError(Exception):
    """Whatever `node` raises on purpose; `str()` is a sentence for an operator."""


class RpcError(NodeError):
    """The chain's RPC endpoint."""


class RpcUnavailable(RpcError):
    """No usable answer came: refused connection, timeout, HTTP error, answer beyond the size limit."""


class RpcTooLong(RpcUnavailable):
    """The answer was longer than allowed; a smaller question may do."""


class RpcInvalidAnswer(RpcError):
    """The answer breaks the form or contradicts itself; the source is faulty or lying."""


class RpcRefused(RpcError):
    """The node answered with a JSON-RPC error object.

    `data` is the revert data where the error carries some, else empty.
    """

    def __init__(self, method: str, code: int, message: str, data: bytes = b"") -> None:
        super().__init__(f"The node refused {method}: {message} (code {code}).")
        self.method = method
        self.code = code
        self.reason = message
        self.data = data


class ContractError(NodeError):
    """A contract reverted with one of its custom errors.

    `name` is the error's name in the interface, `arguments` its arguments by name; `data` the raw revert data.
    """

    def __init__(self, name: str, arguments: Mapping[str, object], data: bytes = b"", what: str = "the call") -> None:
        shown = ", ".join(f"{key}={_show(value)}" for key, value in arguments.items())
        super().__init__(f"The contract refused {what}: {name}({shown}).")
        self.name = name
        self.arguments = dict(arguments)
        self.data = data


class SendError(NodeError):
    """A transaction could not be brought to the chain."""


class AccountBusy(SendError):
    """Another process holds the account's lock; one account has one sender at a time."""


class NotFinal(SendError):
    """The receipt did not come, or did not become final, in time. The signed bytes are kept and will be sent again."""


class KeystoreError(NodeError):
    """A key file or its passphrase is missing, unreadable, or does not fit."""


class PepperError(NodeError):
    """A sealed pepper does not open, a statement about it is not signed, or it is not to be destroyed yet."""


class PromiseFileError(NodeError):
    """A file from which no promise can be read."""


class MemberAuthError(NodeError):
    """A request between members is not authentic. `code` is stable: see `node.member_auth`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EntityError(NodeError):
    """An entity's folder is missing, incomplete or contradictory."""


class DeploymentError(NodeError):
    """A deployment failed, or a deployment file does not match the chain."""


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field of a draft: its path, a code of `protocol.words.faults`, what the texts need."""

    path: str
    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class DraftError(NodeError):
    """A draft of an initiative is invalid; `field` is the path of the first offending value, `faults` are all."""

    def __init__(self, field: str, message: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(f"The draft's {field} {message}.")
        self.field = field
        self.faults = tuple(faults)


class TrusteeError(NodeError):
    """A trustee's duty cannot be done as things are."""


class CompilerError(NodeError):
    """The contracts could not be compiled."""


class EngineError(NodeError):
    """The embedded chain could not be started, stopped or steered."""


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
