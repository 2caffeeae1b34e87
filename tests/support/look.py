"""The pages over the session's real databases, and texts that mean harm."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import uvicorn
from support.rollout_factory import make_rollout

from memreward.look.app import create_app
from memreward.look.request import Looked
from memreward.web.listener import listening
from memstore.db.stores import Stores
from memstore.settings import Settings, load_settings
from schema.rollout import Rollout

TOKEN = "a-token-for-tests"
#: What a text must not do in a page; `ran` is what each tries to set.
HOSTILE = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    "\"><svg onload=window.ran=3><a href='javascript:window.ran=4'>",
    "' autofocus onfocus='window.ran=5",
    "</textarea></title></div><iframe srcdoc='<script>parent.ran=6</script>'></iframe>",
    "[a](javascript:window.ran=7) ![b](http://203.0.113.9/x.png)",
    r"$\href{javascript:window.ran=8}{x} \htmlId{main}{y} \includegraphics{http://203.0.113.9}$",
    "{{ 7 * 191 }} {% raw %} ${7*191} #{7*191}",
    "<link rel=stylesheet href=http://203.0.113.9/x.css><style>body{display:none}</style>",
    "<form action=http://203.0.113.9><input name=token></form><base href=http://203.0.113.9/>",
    "abc\u202egnp.exe\u2066 \u200f\u2028 end",
    "<!--",
    "&lt;script&gt;",
    "\x1b[2J\x07",
)


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Running pages."""

    url: str
    session: requests.Session

    @property
    def link(self) -> str:
        return f"{self.url}/?token={TOKEN}"

    def get(self, path: str, **values: object) -> requests.Response:
        return self.session.get(self.url + path, params=values, timeout=60)  # pyright: ignore

    def text(self, path: str, **values: object) -> str:
        """A page that must be there."""
        answer = self.get(path, **values)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def looking(
    *pairs: Stores, only: str | None = None, settings: Settings | None = None
) -> Iterator[Pages]:
    """Serve pages in a thread for the length of a block; the session has the cookie."""
    with listening("127.0.0.1", 0) as listener, requests.Session() as session:
        port = listener.getsockname()[1]
        looked = Looked(pairs=pairs, settings=settings or load_settings(), only=only)
        app = create_app(looked, token=TOKEN, port=port)
        # A session here does not ask again, as a browser does, if an idle connection is closed
        # just as a request goes out (after 5 s by default: a start of Neo4j takes about as long).
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_keep_alive=600)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            pages = Pages(url=f"http://127.0.0.1:{port}", session=session)
            assert session.get(pages.link, timeout=60).status_code == 200
            yield pages
        finally:
            server.should_exit = True
            thread.join(300)


def hostile_rollouts() -> list[Rollout]:
    """Each hostile text in every field that takes one."""
    long = "<script>window.ran=9</script>" + "x" * 1_000_000
    rollouts = [make_rollout(900, 0, query=long, thinking=long, answer=long)]
    for number, text in enumerate(HOSTILE):
        rollouts.append(
            make_rollout(
                901 + number,
                query=text,
                thinking=text,
                answer=text,
                source_query_id=text,
                dataset=text,
                domain=text,
                policy=text,
                checkpoint=text,
                finish_reason=text,
                policy_layer=text,
            )
        )
    return rollouts
