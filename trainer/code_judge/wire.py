"""What crosses between the tests and the program: frames of JSON that hold plain data.

A frame is four bytes of length and UTF-8 JSON. A value is built again from its parts by the side
that reads it, always as an exact built-in type: no object, method or comparison of the other side
comes along, and nothing is unpickled. What is no plain data crosses as a handle, a number that only
its owner can resolve.
"""

import json
import socket
from collections import deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

#: Largest frame, bytes.
LARGEST: Final = 32 << 20
#: Deepest nesting of a value.
DEEPEST: Final = 200

#: Gives what crosses for an object: `{"handle": n}` for one of this side, `{"yours": n}` for one
#: that came from the other.
Export = Callable[[Any], dict[str, int]]
#: Gives the stand-in for a number of the other side.
Import = Callable[[int], Any]


class WireError(Exception):
    """The other side is gone, or sent what is no frame or no value."""


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """Send one message.

    Raises:
        WireError: if the other side is gone or the message is too large.
    """
    frame = json.dumps(message).encode("utf-8", "surrogatepass")
    if len(frame) > LARGEST:
        raise WireError(f"a value of {len(frame)} bytes is too large to cross")
    try:
        channel.sendall(len(frame).to_bytes(4, "big") + frame)
    except OSError as error:
        raise WireError("the other side has ended") from error


def receive(channel: socket.socket) -> dict[str, Any]:
    """The next message.

    Raises:
        WireError: if the other side is gone, or sent something else.
    """
    size = int.from_bytes(_exactly(channel, 4), "big")
    if size > LARGEST:
        raise WireError(f"a frame of {size} bytes is too large")
    try:
        message = json.loads(_exactly(channel, size).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise WireError("what came is no message") from error
    if not isinstance(message, dict):
        raise WireError("what came is no message")
    return message


def _exactly(channel: socket.socket, size: int) -> bytes:
    pieces: list[bytes] = []
    while size:
        try:
            piece = channel.recv(min(size, 1 << 20))
        except OSError as error:
            raise WireError("the other side has ended") from error
        if not piece:
            raise WireError("the other side has ended")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def encode(value: Any, export: Export, depth: int = 0) -> Any:
    """`value` as JSON; what is no plain data as a handle of this side.

    Raises:
        WireError: if it is nested too deeply.
    """
    if depth > DEEPEST:
        raise WireError("a value is nested too deeply to cross")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) in _SCALARS:
        name, pack, _ = _SCALARS[type(value)]
        return {name: pack(value)}
    for kind, name in _CONTAINERS.items():
        if isinstance(value, kind):
            parts = kind.__iter__(value) if kind is not dict else iter(dict.items(value))
            if kind is dict:
                pairs = [
                    [encode(k, export, depth + 1), encode(v, export, depth + 1)] for k, v in parts
                ]
                return {name: pairs}
            return {name: [encode(part, export, depth + 1) for part in parts]}
    for base, as_base in _BASES.items():
        if isinstance(value, base):
            return encode(as_base(value), export, depth + 1)
    if type(value).__module__ == "numpy":
        return _from_numpy(value, export)
    return export(value)


def decode(value: Any, stand_in: Import, own: Import, depth: int = 0) -> Any:
    """The value of `encode`.

    Args:
        value: as JSON.
        stand_in: makes the stand-in for a handle of the other side.
        own: resolves a handle of this side that comes back.
        depth: of nesting so far.

    Raises:
        WireError: if it is no value.
    """
    if depth > DEEPEST:
        raise WireError("a value is nested too deeply to cross")
    if value is None or type(value) in (bool, str):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise WireError("what came is no value")
    ((name, body),) = value.items()

    def part(one: Any) -> Any:
        return decode(one, stand_in, own, depth + 1)

    try:
        if name in _UNPACK:
            return _UNPACK[name](body)
        if name in _BUILD:
            return _BUILD[name](part(one) for one in body)
        if name == "dict":
            return {part(key): part(one) for key, one in body}
        if name == "array":
            return _to_numpy(*body)
        if name == "handle":
            return stand_in(int(body))
        if name == "yours":
            return own(int(body))
    except WireError:
        raise
    except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError) as error:
        raise WireError("what came is no value") from error
    raise WireError("what came is no value")


def _from_numpy(value: Any, export: Export) -> Any:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        return export(value)
    scalar = not isinstance(value, np.ndarray)
    return {"array": [array.dtype.str, list(array.shape), array.tobytes().hex(), scalar]}


def _to_numpy(dtype: str, shape: list[int], body: str, scalar: bool) -> Any:
    import numpy as np

    if np.dtype(dtype).kind not in "biufc":
        raise WireError("what came is no array")
    array = np.frombuffer(bytes.fromhex(body), dtype=dtype).reshape(shape).copy()
    return array[()] if scalar else array


_SCALARS: Final[dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]] = {
    int: ("int", hex, lambda body: int(body, 16)),
    float: ("float", float.hex, float.fromhex),
    complex: (
        "complex",
        lambda z: [z.real.hex(), z.imag.hex()],
        lambda body: complex(*map(float.fromhex, body)),
    ),
    bytes: ("bytes", bytes.hex, bytes.fromhex),
    bytearray: ("bytearray", bytearray.hex, bytearray.fromhex),
    Fraction: (
        "fraction",
        lambda q: [hex(q.numerator), hex(q.denominator)],
        lambda body: Fraction(*(int(part, 16) for part in body)),
    ),
    Decimal: ("decimal", str, Decimal),
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    timedelta: (
        "timedelta",
        lambda t: [t.days, t.seconds, t.microseconds],
        lambda body: timedelta(*body),
    ),
    range: ("range", lambda r: [r.start, r.stop, r.step], lambda body: range(*body)),
    type(...): ("ellipsis", lambda _: 0, lambda _: ...),
}
#: How a value of a derived type is read as its base, without asking the derived type.
_BASES: Final[dict[type, Callable[[Any], Any]]] = {
    int: int.__index__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}
_CONTAINERS: Final[dict[type, str]] = {
    list: "list",
    tuple: "tuple",
    dict: "dict",
    set: "set",
    frozenset: "frozenset",
    deque: "deque",
}
_UNPACK: Final = {name: unpack for name, _, unpack in _SCALARS.values()}
_BUILD: Final[dict[str, Callable[[Any], Any]]] = {
    name: kind for kind, name in _CONTAINERS.items() if kind is not dict
}
