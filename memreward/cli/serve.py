"""`memreward serve`: a memory for trainers in other processes, over HTTP."""

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from memreward.base import console, err_console
from memreward.cli.ingest import MemoryOption
from memstore import load_settings


def serve(
    memory: MemoryOption,
    run: Annotated[str, typer.Option(help="The run that makes the rollouts.")] = "serve",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8420,
    queue: Annotated[
        int, typer.Option(min=1, help="Most rollouts that wait; more are refused (503).")
    ] = 4096,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token; default: one made in the home.")
    ] = None,
    prior: Annotated[
        bool, typer.Option(help="Before the first training, reward by the prior of the package.")
    ] = True,
    reuse: Annotated[
        bool,
        typer.Option(help="Take verdicts over for equal conclusions, and plan calls."),
    ] = False,
    learn_every: Annotated[
        int | None,
        typer.Option(min=1, help="Learn each time so many verified rewards more were stored."),
    ] = None,
    keep_scores: Annotated[
        bool, typer.Option("--keep-scores", help="Write what a trained model says into the graph.")
    ] = False,
) -> None:
    """Score rollouts over HTTP until stopped by Ctrl-C (docs/other-trainers.md)."""
    from memreward.serving import LearningScorer, open_served, serve_memory, token_of
    from memreward.web import listening

    settings = load_settings()
    with listening(host, port) as listener:
        token, path = token_of(settings, token_file)
        with open_served(
            memory, run, settings, prior=prior, reuse=reuse, keep_scores=keep_scores
        ) as opened:
            at = listener.getsockname()
            address = f"[{at[0]}]:{at[1]}" if ":" in at[0] else f"{at[0]}:{at[1]}"
            if not ipaddress.ip_address(at[0]).is_loopback:
                _say(
                    "warning: others can reach this address, and nothing is encrypted: put TLS "
                    "before it",
                    err=True,
                )
            model = opened.model or "no model yet: POST /v1/learn once something is verified"
            learning = None
            if learn_every is not None:
                learning = LearningScorer(opened, learn_every, _say)

            accepted, _ = opened.batches()
            new = "" if accepted else " (new: it begins with the first rollouts that are stored)"

            def ready() -> None:
                _say(f"memory {memory}{new}, run {run}, model {model}")
                _say(f"serving at http://{address}, token in {path}")

            serve_memory(opened, listener, token, queue, ready, learning)
    _say("stopped: everything that was taken on is answered and published")


def _say(text: str, *, err: bool = False) -> None:
    (err_console if err else console).print(text, markup=False, highlight=False, soft_wrap=True)
