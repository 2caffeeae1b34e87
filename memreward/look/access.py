"""Who may open the pages, and what a browser may do with them.

The link that `memreward look` prints has a token. Who opens it gets a cookie for it, and an address
without the token. Everything else is refused, as is a request that another page makes.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: Names of this machine. Another name that leads here is another's, who would be let in by it.
HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
#: Nothing from elsewhere is loaded, no script but our file runs, and no page may frame ours.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With `no-referrer` a browser would not say from which page a form comes.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
#: What only reads.
_READS: Final = frozenset({"GET", "HEAD"})
_OPEN_THE_LINK: Final = "open the link that `memreward look` printed; each start has its own"


class Access:
    """ASGI middleware: this machine's names, the token, and the same origin, in this order."""

    def __init__(self, app: App, *, token: str, port: int) -> None:
        """Wrap `app`, which listens at `port`: cookies are not told apart by it."""
        self._app, self._token = app, token
        self._cookie = f"memreward-look-{port}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        given, address = _without_token(scope)
        if not _is_own(headers.get("host", "")):
            await _refuse(send, 421, "this is a page of this machine: open it by 127.0.0.1")
        elif given is not None:
            await self._enter(send, given, address)
        elif not self._knows(headers.get("cookie", "")):
            await _refuse(send, 401, f"this page needs its token: {_OPEN_THE_LINK}")
        elif scope["method"] not in _READS and not _is_same_origin(headers):
            await _refuse(send, 403, "this request comes from another page: nothing was done")
        else:
            await self._app(scope, receive, _with_headers(send))

    async def _enter(self, send: Send, given: str, address: str) -> None:
        """Exchange the token for a cookie."""
        if not self._fits(given):
            await _refuse(send, 401, f"the token is wrong: {_OPEN_THE_LINK}")
            return
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Lax"
        await _refuse(
            send,
            303,
            "",
            [(b"location", address.encode("latin-1")), (b"set-cookie", cookie.encode())],
        )

    def _knows(self, cookies: str) -> bool:
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == self._cookie and self._fits(value) for name, _, value in pairs)

    def _fits(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("latin-1", "replace"), self._token.encode())


def _without_token(scope: Message) -> tuple[str | None, str]:
    """The token in an address, and the address without it, on this server in any case."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = [value for name, value in pairs if name == "token"]
    rest = urlencode([pair for pair in pairs if pair[0] != "token"])
    path = "/" + scope["raw_path"].decode("latin-1").lstrip("/\\")
    return (given[-1] if given else None), path + (f"?{rest}" if rest else "")


def _is_own(host: str) -> bool:
    """Whether a `Host` names this machine; the port may be that of a tunnel."""
    try:
        return urlsplit(f"//{host}").hostname in HOSTS
    except ValueError:
        return False


def _is_same_origin(headers: MutableMapping[str, str]) -> bool:
    """Whether a browser says that one of our pages sends this."""
    site = headers.get("sec-fetch-site", "same-origin")
    return site == "same-origin" and headers.get("origin") == f"http://{headers.get('host')}"


def _with_headers(send: Send) -> Send:
    """Each answer says what a browser may do with it."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in HEADERS}
            own = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
            message = {**message, "headers": [*own, *HEADERS]}
        await send(message)

    return sent


async def _refuse(
    send: Send, status: int, detail: str, more: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    body = detail.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *HEADERS,
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
