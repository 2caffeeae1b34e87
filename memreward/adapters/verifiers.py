"""verifiers: a reward function for `Rubric` (0.1) and one for tasks (0.4, `verifiers.v1`).

The two treat errors differently. A rubric turns an exception into a reward of 0, so
`memory_reward` and `memory_rewards` raise nothing that a memory raises on purpose: a failure is
logged, counted in `state["memreward_failures"]` and put into `state["error"]`, by which a trainer
knows a rollout that is not to be learnt from, and gets the neutral value, of which a group makes no
advantage. A task records an exception as the trace's error and gives no reward, so `score` raises.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from memreward.adapters.neutral import NEUTRAL, group_numbers, numbers
from memreward.client import ask, is_training
from memreward.scoring import Row
from memstore.formats import source_query_id
from schema.errors import InputError, MemrewardError
from schema.messages import query_text, reply_of
from schema.task import Text

State = MutableMapping[str, Any]
_log = logging.getLogger(__name__)


async def memory_reward(
    prompt: Text,
    completion: Text,
    state: State,
    info: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> float:
    """The reward of one rollout, for `Rubric(funcs=[memory_reward])`; no answer is looked at."""
    values = await _rewards([prompt], [completion], [state], [info or {}], grouped=False)
    return values[0]


async def memory_rewards(
    prompts: Sequence[Text],
    completions: Sequence[Text],
    states: Sequence[State],
    infos: Sequence[Mapping[str, Any]] | None = None,
    **kwargs: Any,
) -> list[float]:
    """The rewards of a group, for `Rubric(funcs=[memory_rewards])`; better, since agreement counts.

    What the memory has no opinion of gets the mean of the others.
    """
    given = [{} for _ in states] if infos is None else infos
    return await _rewards(prompts, completions, states, given, grouped=True)


async def score(task: Any, trace: Any) -> float:
    """The reward of a trace, for `fn = "memreward.adapters.verifiers:score"` in a task's rewards.

    The query is the task's prompt, all of its messages; the completion is the agent's last reply,
    with its reasoning as the thinking. `split` of the task's data says by `train` that
    this is training. Metrics: `memreward_abstained`, `memreward_confidence`.

    Raises:
        MemrewardError: if the memory cannot be asked; verifiers notes it as the trace's error.
    """
    query = query_text(_plain(task.prompt))
    row = {"query": query, **_reply(trace), "truncated": bool(trace.is_truncated)}
    train = is_training(getattr(task, "split", None))
    said = (await asyncio.to_thread(ask, [row], train=train))[0]
    abstains = said is not None and said.value is None
    trace.record_metric("memreward_abstained", float(abstains))
    trace.record_metric("memreward_confidence", 0.0 if said is None else said.confidence)
    return numbers([said])[0]


async def _rewards(
    prompts: Sequence[Text],
    completions: Sequence[Text],
    states: Sequence[State],
    infos: Sequence[Mapping[str, Any]],
    *,
    grouped: bool,
) -> list[float]:
    try:
        rows = [_row(*column) for column in zip(prompts, completions, infos, strict=True)]
        trains = {is_training(info.get("split")) for info in infos}
        if len(trains) > 1:
            raise InputError("a group mixes splits: training and evaluation must come apart")
        said = await asyncio.to_thread(ask, rows, train=trains.pop())
    except MemrewardError as error:
        _note(error, states)
        return [NEUTRAL] * len(states)
    if grouped:
        return group_numbers(said, [source_query_id(dict(row)) for row in rows])
    return numbers(said)


def _row(prompt: Text, completion: Text, info: Mapping[str, Any]) -> Row:
    tools = info.get("tools", info.get("oai_tools"))
    row = {
        "query": query_text(_plain(prompt), _plain(tools)),
        **reply_of(_plain(completion)).row(),
    }
    return row | {name: info[name] for name in ("query_id", "dataset", "domain") if name in info}


def _note(error: MemrewardError, states: Iterable[State]) -> None:
    """A failure that must not be raised is seen all the same."""
    _log.error("no reward from the memory: %s", error)
    for state in states:
        state["memreward_failures"] = state.get("memreward_failures", 0) + 1
        if state.get("error") is None:
            state["error"] = error


def _plain(value: Any) -> Any:
    """Messages of verifiers, which are objects, as those of everybody else."""
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else _plain(vars(value))


def _reply(trace: Any) -> dict[str, str]:
    """The last reply; with its reasoning apart where the model hands that out."""
    sent = trace.assistant_messages
    thinking = (sent[-1].reasoning_content or "") if sent else ""
    reply = trace.last_reply
    return {"thinking": thinking, "completion": reply} if thinking else {"completion": reply}
