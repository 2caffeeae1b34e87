"""Who is let in: asked of the middleware alone, without a server."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from memreward.look.access import POLICY, Access

TOKEN = "a-token"
COOKIE = f"other=1; memreward-look-8421={TOKEN}"
OWN = {"host": "127.0.0.1:8421", "cookie": COOKIE}


def ask(path: str = "/groups", method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer; 299 is what lies behind the middleware."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }
    asyncio.run(Access(behind, token=TOKEN, port=8421)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found


@pytest.mark.parametrize("host", ["127.0.0.1:8421", "localhost:9", "[::1]:8421", "localhost"])
def test_this_machine_is_let_in_with_its_cookie(host: str) -> None:
    status, headers = ask(host=host, cookie=COOKIE)
    assert status == 299
    assert headers["content-security-policy"] == POLICY
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["", "example.org", "127.0.0.1.example.org", "[::1", "10.0.0.1"])
def test_another_name_of_this_machine_is_refused(host: str) -> None:
    assert ask(host=host, cookie=COOKIE)[0] == 421
    assert ask(f"/?token={TOKEN}", host=host)[0] == 421


@pytest.mark.parametrize(
    "cookie", ["", "memreward-look-8421=", "memreward-look-8421=b-token", f"look={TOKEN}", "é=ü"]
)
def test_no_cookie_or_a_wrong_one_is_refused(cookie: str) -> None:
    assert ask(host="localhost", cookie=cookie)[0] == 401
    assert ask("/static/look.js", host="localhost", cookie=cookie)[0] == 401


def test_the_link_gives_a_cookie_and_an_address_without_the_token() -> None:
    status, headers = ask(f"/groups?memory=a+b&token={TOKEN}", host="127.0.0.1:8421")
    assert (status, headers["location"]) == (303, "/groups?memory=a+b")
    cookie = headers["set-cookie"]
    assert cookie.startswith(f"memreward-look-8421={TOKEN}; ")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert ask("/?token=wrong", host="127.0.0.1:8421")[0] == 401
    assert ask("/?token=", **OWN)[0] == 401


@pytest.mark.parametrize("path", ["//example.org/x", "/\\example.org", "///example.org"])
def test_the_link_leads_to_this_server_only(path: str) -> None:
    assert ask(f"{path}?token={TOKEN}", host="localhost")[1]["location"].startswith("/example.org")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_our_own_pages_may_change_anything(method: str) -> None:
    ours = "http://127.0.0.1:8421"
    assert ask("/label", method, **OWN, origin=ours)[0] == 299
    assert ask("/label", method, **OWN, origin=ours, sec_fetch_site="same-origin")[0] == 299
    for origin in ("https://127.0.0.1:8421", "http://127.0.0.1:9", "http://example.org", "null"):
        assert ask("/label", method, **OWN, origin=origin)[0] == 403
    assert ask("/label", method, **OWN)[0] == 403
    assert ask("/label", method, **OWN, origin=ours, sec_fetch_site="cross-site")[0] == 403
    assert ask("/label", method, host=OWN["host"], origin=ours)[0] == 401
