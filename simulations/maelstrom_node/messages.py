"""Messages: one JSON object in each line, `{"src", "dest", "body": {"type", ...}}`, decoded into types.

    client -> node   init, topology, add, read     each with a `msg_id`
    node -> client   ..._ok, error                 each with the `in_reply_to` of its request
    node <-> node    open, accept, frame, close, reset: a connection over messages, see connections.py

A line that is no message, or has no sender to answer, is Garbage. A message that is an invalid request is a BadRequest,
and its sender gets an error. Source: Maelstrom, doc/protocol.md.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, json

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
MessageId = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Code(IntEnum):
    """The used error codes of Maelstrom. All except CRASH are definite."""

    NOT_SUPPORTED = 10
    TEMPORARILY_UNAVAILABLE = 11
    MALFORMED_REQUEST = 12
    CRASH = 13


class Body(Struct, frozen=True, tag_field="type", kw_only=True):
    """Any body. The tag is its type."""


class _ClientMessage(Body, frozen=True, kw_only=True):
    msg_id: MessageId


class Init(_ClientMessage, frozen=True, tag="init"):
    """The first message: the name of the receiver, and the names of all nodes."""

    node_id: str
    node_ids: tuple[str, ...]


class Topology(_ClientMessage, frozen=True, tag="topology"):
    """Which nodes should connect. Ignored, because every node connects to every other node."""


class AddMessage(_ClientMessage, frozen=True, tag="add"):
    """Add to the counter. A negative delta subtracts."""

    delta: int


class Read(_ClientMessage, frozen=True, tag="read"):
    """Ask for the counter's value."""


class _Answer(Body, frozen=True, kw_only=True):
    in_reply_to: MessageId


class InitOk(_Answer, frozen=True, tag="init_ok"):
    """The node is ready."""


class TopologyOk(_Answer, frozen=True, tag="topology_ok"):
    """The topology was received."""


class AddOk(_Answer, frozen=True, tag="add_ok"):
    """The add is durable and counts once."""


class ReadOk(_Answer, frozen=True, tag="read_ok"):
    """The value, as this node sees it."""

    value: int


class Error(_Answer, frozen=True, tag="error"):
    """The request failed. `code` says whether the failure is definite."""

    code: Code
    text: str


class Open(Body, frozen=True, tag="open"):
    """The sender wants to connect. The numbers of one pair of nodes only grow."""

    connection: Number


class AcceptMessage(Body, frozen=True, tag="accept"):
    """The connection stands."""

    connection: Number


class FrameMessage(Body, frozen=True, tag="frame"):
    """One frame of the sync session, base64; `number` counts each side's from 1."""

    connection: Number
    number: Number
    frame: bytes


class Close(Body, frozen=True, tag="close"):
    """The sender closed the connection. Numbered like a frame, so that it comes after all frames."""

    connection: Number
    number: Number


class ResetMessage(Body, frozen=True, tag="reset"):
    """The sender does not know the connection, or ended it."""

    connection: Number


Request = Init | Topology | AddMessage | Read
Between = Open | AcceptMessage | FrameMessage | Close | ResetMessage
"""The messages between nodes."""

TYPES: dict[str, type[Request | Between]] = {
    "init": Init,
    "topology": Topology,
    "add": AddMessage,
    "read": Read,
    "open": Open,
    "accept": AcceptMessage,
    "frame": FrameMessage,
    "close": Close,
    "reset": ResetMessage,
}


class Message(Struct, frozen=True):
    """A message with a valid body."""

    src: str
    dest: str
    body: Request | Between


class Garbage(Exception):
    """A line that is no message, or has no sender to answer."""


class BadRequest(Exception):
    """An invalid request. Its sender gets an error."""

    def __init__(self, src: str, dest: str, error: Error) -> None:
        super().__init__(error.text)
        self.src = src
        self.dest = dest
        self.error = error


class _Envelope(Struct, frozen=True):
    src: str
    dest: str
    body: Raw


class _Outgoing(Struct, frozen=True):
    src: str
    dest: str
    body: Body


class _Head(Struct, frozen=True):
    type: str
    msg_id: MessageId | None = None
    in_reply_to: MessageId | None = None


_envelopes = json.Decoder(_Envelope)
_heads = json.Decoder(_Head)
_bodies: dict[str, json.Decoder[Any]] = {name: json.Decoder(body) for name, body in TYPES.items()}
_encoder = json.Encoder()


def parse(line: bytes) -> Message:
    """Decode one line. Raises Garbage or BadRequest."""
    try:
        envelope = _envelopes.decode(line)
        head = _heads.decode(envelope.body)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Garbage(str(error)) from None
    decoder = _bodies.get(head.type)
    try:
        if decoder is not None:
            return Message(envelope.src, envelope.dest, decoder.decode(envelope.body))
        code, text = Code.NOT_SUPPORTED, f"there is no request of type {head.type!r}"
    except ValidationError as error:
        code, text = Code.MALFORMED_REQUEST, f"{head.type}: {error}"
    if head.msg_id is None or head.in_reply_to is not None:  # an answer to an answer might go on for ever
        raise Garbage(text)
    raise BadRequest(envelope.src, envelope.dest, Error(in_reply_to=head.msg_id, code=code, text=text))


def pack(src: str, dest: str, body: Body) -> bytes:
    """One message as a line, with its line feed."""
    return _encoder.encode(_Outgoing(src, dest, body)) + b"\n"
