"""A memory behind HTTP, from the first request to the last that was taken on."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from memreward import Memory, ShardedMemory
from memreward.base import shards_of
from memreward.scoring import CountingScorer, ScoringMetrics, ScoringQueue
from memreward.serving.app import create_app
from memreward.serving.learning import LearningScorer
from memreward.web import run_until_stopped
from memstore import Settings
from memstore.servers import SERVE_TOKEN, Home
from schema.calls import Reuse
from schema.errors import SettingsError

_LEAST_TOKEN: Final = 16


def token_of(settings: Settings, given: Path | None) -> tuple[str, Path]:
    """The token, and the file that holds it: one made once a home, if none is given.

    Raises:
        SettingsError: if the file cannot be read, is open to others, or holds no good token.
    """
    if given is None:
        home = Home(root=settings.home)
        home.prepare()
        return home.password(SERVE_TOKEN), home.secrets / SERVE_TOKEN
    try:
        mode = stat.S_IMODE(given.stat().st_mode)
        token = given.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--token-file {given} cannot be read: {error}") from error
    if mode & 0o077:
        raise SettingsError(f"{given} is open to others ({mode:04o}): run `chmod 600 {given}`")
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable():
        raise SettingsError(
            f"{given} holds no token of at least {_LEAST_TOKEN} plain characters: write one, "
            "`openssl rand -hex 24` for example"
        )
    return token, given


def open_served(
    memory: str, run: str, settings: Settings, *, prior: bool, reuse: bool, keep_scores: bool
) -> Memory | ShardedMemory:
    """Open a memory, be it divided into shards or not.

    Raises:
        MemrewardError: see `Memory.open`.
    """
    options: dict[str, Any] = {
        "run": run,
        "prior": prior,
        "reuse": Reuse() if reuse else None,
        "keep_scores": keep_scores,
        "settings": settings,
    }
    count = shards_of(memory, settings)
    if count is None:
        return Memory.open(memory, **options)
    return ShardedMemory.open(memory, shards=count, **options)


def serve_memory(
    memory: Memory | ShardedMemory,
    listener: socket.socket,
    token: str,
    limit: int,
    ready: Callable[[], None],
    learning: LearningScorer | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was taken on and publish it.

    Args:
        memory: opened.
        listener: see `memreward.web`.
        token: that callers must show.
        limit: most rollouts that wait.
        ready: called before the first request is taken.
        learning: scores by this memory, and has it learn; None: it learns when it is told to.

    Raises:
        MemrewardError: if what was stored cannot be published; it stays accepted.
    """
    metrics = ScoringMetrics()
    queue = ScoringQueue(CountingScorer(learning or memory, metrics), limit=limit)
    app = create_app(memory, queue, token, labelled=learning, metrics=metrics)
    try:
        run_until_stopped(app, listener, ready)
    finally:
        queue.close()
        if learning is not None:
            learning.close()
    memory.flush()
