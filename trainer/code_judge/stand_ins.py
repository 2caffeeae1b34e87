"""The tests' side: names of the program as stand-ins that call it, and get data back."""

import builtins
import importlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

from trainer.code_judge.wire import WireError, decode, encode, receive, send


class ProgramError(Exception):
    """The program is to blame: it is gone, failed to start, or broke the rules of the wire."""


class Undecidable(BaseException):
    """The tests ask for what only the program's own process could answer.

    Not an Exception: a test that catches all errors must not turn it into a verdict.
    """


class Program:
    """The running program, over its channel."""

    def __init__(self, channel: socket.socket, waiting: memoryview) -> None:
        """Wait until the program has run, and learn what it defines.

        Args:
            channel: to the program.
            waiting: one byte, 1 while the program is waited for.

        Raises:
            ProgramError: if it does not get to its end.
        """
        self._channel, self._waiting = channel, waiting
        self._own: list[Any] = []
        #: Calls of the program so far.
        self.calls = 0
        hello = self._receive()
        if "failed" in hello:
            raise ProgramError(f"the program fails: {hello['failed']}"[:300])
        self.names = self._named(hello.get("defines"))

    def ask(self, of: int, operation: str, args: list[Any], named: dict[str, Any]) -> Any:
        """Result of an operation on an object of the program.

        Raises:
            ProgramError: if the program is gone.
            Exception: what the program raised, as the built-in exception nearest to it.
        """
        self.calls += operation == "call"
        try:
            request = {
                "of": of,
                "operation": operation,
                "args": self._encoded(args),
                "named": self._encoded(named),
            }
        except WireError as error:
            raise Undecidable(f"an argument cannot cross to the program: {error}") from error
        try:
            send(self._channel, request)
        except WireError as error:
            raise ProgramError(str(error)) from error
        while "callback" in (reply := self._receive()):
            self._call_back(reply)
        if isinstance(printed := reply.get("printed"), str):
            sys.stdout.write(printed)
        if "raised" in reply:
            raise self._raised(reply["raised"])
        self._take_changes(args, reply.get("args"))
        return self._decoded(reply.get("value"))

    def _receive(self) -> dict[str, Any]:
        self._waiting[0] = 1
        try:
            return receive(self._channel)
        except WireError as error:
            raise ProgramError(str(error)) from error
        finally:
            self._waiting[0] = 0

    def _encoded(self, value: Any) -> Any:
        return encode(value, self._export)

    def _decoded(self, value: Any) -> Any:
        try:
            return decode(value, lambda number: StandIn(self, number), self._resolve)
        except WireError as error:
            raise ProgramError(str(error)) from error

    def _export(self, thing: Any) -> dict[str, int]:
        if type(thing) is StandIn:
            return {"yours": object.__getattribute__(thing, "_asked")[1]}
        self._own.append(thing)
        return {"handle": len(self._own) - 1}

    def _resolve(self, number: int) -> Any:
        if not 0 <= number < len(self._own):
            raise WireError("what came is no value")
        return self._own[number]

    def _call_back(self, request: dict[str, Any]) -> None:
        """The program calls a function that the tests gave it."""
        try:
            function = self._resolve(int(request["callback"]))
            value = {"value": self._encoded(function(*self._decoded(request.get("args"))))}
        except ProgramError:
            raise
        except Exception as error:
            value = {"raised": f"{type(error).__name__}: {error}"[:300]}
        send(self._channel, value)

    def _raised(self, said: Any) -> Exception:
        name, text = (str(part) for part in said) if isinstance(said, list) else ("", str(said))
        kind = getattr(builtins, name, None)
        if name == "WireError":
            return ProgramError(text)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                return kind(text)
            except TypeError:  # UnicodeError and its like want more than a text.
                return ProgramError(f"{name}: {text}")
        return ProgramError(f"{name}: {text}")

    def _take_changes(self, args: list[Any], after: Any) -> None:
        """What a call changed in the lists and dicts that it was given."""
        if not isinstance(after, list) or len(after) != len(args):
            return
        for arg, now in zip(args, after, strict=True):
            if now is None or isinstance(arg, StandIn):
                continue
            value = self._decoded(now[0])
            if type(value) is not type(arg) or value == arg:
                continue
            if isinstance(arg, list | bytearray):
                arg[:] = value
            elif isinstance(arg, dict | set):
                arg.clear()
                arg.update(value)

    def _named(self, defined: Any) -> dict[str, Any]:
        if not isinstance(defined, dict):
            raise ProgramError("what came is no message")
        names: dict[str, Any] = {}
        for name, what in defined.items():
            if "module" in what:
                module = _trusted(str(what["module"]))
                if module is not None:
                    names[name] = module
            elif "imported" in what:
                module_name, attribute = (str(part) for part in what["imported"])
                found = getattr(_trusted(module_name), attribute, None)
                if found is not None:
                    names[name] = found
            else:
                names[name] = self._decoded(what.get("value"))
        return names


def _trusted(name: str) -> Any:
    """A module of the standard library or numpy, as this process has it; None for any other."""
    if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy"}:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class StandIn:
    """An object of the program: what is asked of it is asked there, and comes back as data.

    It equals nothing but itself, is in no order and contains nothing: an object that says what its
    examiner hopes to hear decides nothing here.
    """

    def __init__(self, program: Program, number: int) -> None:
        """Object `number` of the program."""
        object.__setattr__(self, "_asked", (program, number))

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the program makes of these arguments."""
        return _ask(self, "call", *args, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__doc__"):
            raise AttributeError(name)
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delete", name)

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "set_item", key, value)

    def __delitem__(self, key: Any) -> None:
        _ask(self, "delete_item", key)

    def __iter__(self) -> Iterator[Any]:
        items = _ask(self, "iterate")
        return items if isinstance(items, StandIn) else iter(items)

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __len__(self) -> int:
        return _ask(self, "length")

    def __bool__(self) -> bool:
        return _ask(self, "truth") is True

    def __str__(self) -> str:
        return str(_ask(self, "text"))

    def __repr__(self) -> str:
        return str(_ask(self, "representation"))

    def __enter__(self) -> Any:
        return _ask(self, "enter")

    def __exit__(self, *_: object) -> None:
        _ask(self, "exit")

    def __await__(self) -> Any:
        return _ask(self, "await")
        yield

    def __instancecheck__(self, value: Any) -> bool:
        return _ask(self, "is_instance", value) is True

    def __contains__(self, _: Any) -> bool:
        raise Undecidable("the tests ask an object of the program what it contains")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StandIn) and other is not self:
            raise Undecidable("the tests compare two objects of the program")
        return other is self

    def __hash__(self) -> int:
        return object.__hash__(self)


def _ask(stand_in: StandIn, operation: str, *args: Any, **named: Any) -> Any:
    program, number = object.__getattribute__(stand_in, "_asked")
    return program.ask(number, operation, list(args), named)
