"""What in a run should be looked at: signs that a policy learns what nobody wanted.

A run that trains here is judged by the same rule (`trainer.alarms`), from the rewards that it
handed out; a page has those that the memory holds now.
"""

from collections.abc import Iterator
from typing import Final

from memstore.browse import RunCalls, SignsAt, View, signs_of_ends
from trainer import StepSigns, ends
from trainer import alarms as signs_of_collapse

#: The share of audited verdicts that agree, and how many there must be.
AGREEMENT: Final = 0.95
MIN_AUDITED: Final = 20


def alarms(view: View, run: str, calls: RunCalls) -> list[str]:
    """A sentence for each sign."""
    # Where verdicts are taken over, the memory chose what is verified: that is no random part.
    chosen = calls.saved + calls.audited > 0
    signs = [_signs(one, chosen) for one in signs_of_ends(view, run, ends)]
    return [*audit_alarms(calls), *(_sentence(alarm.text) for alarm in signs_of_collapse(signs))]


def audit_alarms(calls: RunCalls) -> Iterator[str]:
    """A sentence, if verdicts that were taken over are wrong too often."""
    if calls.audited >= MIN_AUDITED and calls.agreed < AGREEMENT * calls.audited:
        yield (
            f"Only {calls.agreed} of {calls.audited} audited verdicts agree with those that were "
            "taken over: equal conclusions do not always have equal rewards here."
        )


def _signs(at: SignsAt, chosen: bool) -> StepSigns:
    return StepSigns(
        step=at.step,
        queries=at.n_queries,
        tokens=at.tokens,
        in_groups=at.in_groups,
        everywhere=at.everywhere,
        reward=at.reward,
        verified=None if chosen else at.verified,
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
