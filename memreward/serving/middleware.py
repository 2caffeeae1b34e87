"""What a request to the service must be before anything is made of it: known, small and in time."""

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: Largest body, as of a line of an input file.
MAX_BODY_BYTES: Final = 32 << 20
#: A body must have arrived by then.
BODY_SECONDS: Final = 60.0
#: Paths that say no more than whether the service lives, to anybody.
OPEN_PATHS: Final = frozenset({"/health", "/ready"})


class Guard:
    """ASGI middleware: token, size and time of a body, in this order.

    The token comes as `Authorization: Bearer TOKEN`, or as the password of basic authentication,
    which is all that a trainer can do that knows a URL and nothing else.
    """

    def __init__(
        self, app: App, *, token: str, max_body: int = MAX_BODY_BYTES, seconds: float = BODY_SECONDS
    ) -> None:
        """Wrap `app`."""
        self._app, self._token = app, token.encode()
        self._max_body, self._seconds = max_body, seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through with its body read, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] not in OPEN_PATHS and not self._knows(scope["headers"]):
            await _refuse(
                send,
                401,
                "the token is missing or wrong: send `Authorization: Bearer TOKEN` with what is "
                "in the file that `memreward serve` named when it started",
                [(b"www-authenticate", b"Bearer")],
            )
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            await _refuse(send, 408, f"the body did not arrive within {self._seconds:g} s")
            return
        if body is None:
            await _refuse(
                send,
                413,
                f"the body is larger than {self._max_body:,} bytes: send the rollouts in several "
                "requests",
            )
            return
        replayed = False

        async def replay() -> Message:
            nonlocal replayed
            if replayed:
                return await receive()
            replayed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _knows(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        given = next((value for name, value in headers if name == b"authorization"), b"")
        scheme, _, secret = given.partition(b" ")
        if scheme.lower() == b"basic":
            try:
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return hmac.compare_digest(secret.strip(), self._token)

    async def _body(self, scope: Message, receive: Receive) -> bytes | None:
        """The body; None if it is too large, which a header may say before it comes."""
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_body:
            return None
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._max_body:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)


async def _refuse(
    send: Send, status: int, detail: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    body = json.dumps({"detail": detail}).encode()
    named = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": named})
    await send({"type": "http.response.body", "body": body})
