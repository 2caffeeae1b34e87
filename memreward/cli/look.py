"""`memreward look`: a memory in the browser."""

from contextlib import ExitStack
from typing import Annotated

import typer

from memreward.base import connected_pairs, connected_to, console
from memreward.cli.care import SomeMemoryOption
from memstore import load_settings


def look(
    memory: SomeMemoryOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8421,
) -> None:
    """Look at rollouts, their groups and rewards in a browser until Ctrl-C (docs/look.md)."""
    from memreward.look import Looked, serve_pages
    from memreward.web import listening
    from memstore.db import get_memory

    def ready(link: str) -> None:
        console.print(f"open {link}", highlight=False, soft_wrap=True)
        console.print("only this machine can; Ctrl-C stops it", highlight=False)

    settings = load_settings()
    with ExitStack() as stack:
        if memory is None:
            pairs = stack.enter_context(connected_pairs(settings))
        else:
            pairs = [stack.enter_context(connected_to(memory, settings))]
            get_memory(pairs[0], memory)
        listener = stack.enter_context(listening("127.0.0.1", port))
        serve_pages(Looked(pairs=pairs, settings=settings, only=memory), listener, ready)
