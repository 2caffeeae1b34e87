"""The program's side: runs what a policy wrote, and answers calls with data.

It knows the program and the arguments of each call. Tests and expected values are in another
process.
"""

import asyncio
import contextlib
import inspect
import io
import os
import socket
import sys
import types
from typing import Any, Final

from trainer.code_judge.wire import WireError, decode, encode, receive, send

_RECURSION: Final = 5_000
_NAME: Final = "answer"
#: What a test may have done with an object of the program, by name.
_OPERATIONS: Final = {
    "call": lambda thing, *args, **named: thing(*args, **named),
    "get": getattr,
    "set": setattr,
    "delete": delattr,
    "item": lambda thing, key: thing[key],
    "set_item": lambda thing, key, value: thing.__setitem__(key, value),
    "delete_item": lambda thing, key: thing.__delitem__(key),
    "iterate": iter,
    "next": next,
    "length": len,
    "truth": bool,
    "text": str,
    "representation": repr,
    "enter": lambda thing: thing.__enter__(),
    "exit": lambda thing: thing.__exit__(None, None, None),
    "await": lambda thing: asyncio.run(_awaited(thing)),
    "is_instance": lambda thing, value: isinstance(value, thing),
}


async def _awaited(thing: Any) -> Any:
    return await thing


class _Objects:
    """Objects of this side that the other one knows by number, and calls back to the other."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self._kept: list[Any] = []

    def export(self, thing: Any) -> dict[str, int]:
        if isinstance(thing, _Callback):
            return {"yours": thing.number}
        self._kept.append(thing)
        return {"handle": len(self._kept) - 1}

    def own(self, number: int) -> Any:
        return self._kept[number]

    def encoded(self, value: Any) -> Any:
        return encode(value, self.export)

    def decoded(self, value: Any) -> Any:
        return decode(value, lambda number: _Callback(self, number), self.own)


class _Callback:
    """A function of the tests, as the program may call it."""

    def __init__(self, objects: _Objects, number: int) -> None:
        self._objects, self.number = objects, number

    def __call__(self, *args: Any) -> Any:
        channel = self._objects.channel
        send(channel, {"callback": self.number, "args": self._objects.encoded(list(args))})
        answer = receive(channel)
        if "raised" in answer:
            raise RuntimeError(answer["raised"])
        return self._objects.decoded(answer["value"])


def serve(code: str, channel: socket.socket) -> None:
    """Run the program, say what it defines, and answer calls until the other side is gone."""
    objects = _Objects(channel)
    module = types.ModuleType(_NAME)
    sys.modules[_NAME] = module
    sys.setrecursionlimit(_RECURSION)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "answer.py", "exec"), module.__dict__)
    except BaseException as error:  # SystemExit too: a program that does not get to its end.
        send(channel, {"failed": f"{type(error).__name__}: {_said(error)}"})
        return
    send(channel, {"defines": _defined(module.__dict__, objects)})
    while True:
        try:
            request = receive(channel)
        except WireError:
            return
        send(channel, _reply(request, objects))


def run_script(code: str, stdin: str, channel: socket.socket) -> None:
    """Run the program as a script; what it prints goes to the channel as it is."""
    read, write = os.pipe()
    if os.fork() == 0:  # Feeds the input, however large it is.
        os.close(read)
        with contextlib.suppress(OSError), os.fdopen(write, "wb") as pipe:
            pipe.write(stdin.encode("utf-8", "surrogatepass"))
        os._exit(0)
    os.close(write)
    os.dup2(read, 0)
    os.dup2(channel.fileno(), 1)
    channel.close()
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.setrecursionlimit(_RECURSION)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    status = 0
    try:
        exec(compile(code, "answer.py", "exec"), module.__dict__)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        status = 1
    try:
        sys.stdout.flush()
    finally:
        os._exit(status & 0xFF)


def _defined(names: dict[str, Any], objects: _Objects) -> dict[str, Any]:
    """Each name with its value as data, as a module's name, or as a handle."""
    found: dict[str, Any] = {}
    for name, value in list(names.items()):
        if name.startswith("__"):
            continue
        if inspect.ismodule(value):
            found[name] = {"module": value.__name__}
        elif getattr(value, "__module__", _NAME) not in (_NAME, None) and callable(value):
            found[name] = {"imported": [value.__module__, getattr(value, "__qualname__", "")]}
        else:
            with contextlib.suppress(WireError):
                found[name] = {"value": objects.encoded(value)}
    return found


def _reply(request: dict[str, Any], objects: _Objects) -> dict[str, Any]:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            thing = objects.own(request["of"])
            args = objects.decoded(request["args"])
            named = objects.decoded(request["named"])
            value = _OPERATIONS[request["operation"]](thing, *args, **named)
        reply = {"value": objects.encoded(value), "args": _changed(args, objects)}
    except WireError as error:
        reply = {"raised": ["WireError", str(error)]}
    except BaseException as error:
        names = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        reply = {"raised": [names[0], _said(error)]}
    return {**reply, "printed": printed.getvalue()[: 1 << 20]}


def _changed(args: list[Any], objects: _Objects) -> list[Any]:
    """What the arguments that can change hold now; None for the others."""
    after: list[Any] = []
    for arg in args:
        plain = isinstance(arg, list | dict | set | bytearray)
        after.append([objects.encoded(arg)] if plain else None)
    return after


def _said(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except BaseException as other:  # The program's own exception may do anything.
        return type(other).__name__
