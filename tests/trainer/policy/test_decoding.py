"""Decoding with a cache, against reading everything again for each token."""

import pytest
import torch
from support.tiny_policy import write_tiny_policy

from trainer.policy import decoding
from trainer.policy.decoding import decode, picked
from trainer.policy.policy import Policy, load_policy

#: Two prompts, the first padded by one.
IDS = torch.tensor([[0, 7, 8, 9], [3, 4, 5, 6]])
MASK = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
#: So many tokens end a completion that most rows end early.
ENDS = list(range(20))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return load_policy(str(write_tiny_policy(tmp_path_factory.mktemp("tiny"))), device="cpu")


def plainly(policy: Policy, uniform_RT: torch.Tensor, repeats: int) -> list[list[int]]:
    completions = []
    for row, uniform_T in enumerate(uniform_RT):
        kept = MASK[row // repeats].bool()
        ids = IDS[row // repeats][kept].tolist()
        new: list[int] = []
        for number in uniform_T:
            with torch.inference_mode():
                logits = policy.model(torch.tensor([ids + new])).logits[:, -1]  # pyright: ignore
            new.append(int(picked(logits, number[None, None], 1.0)))
            if new[-1] in ENDS:
                break
        completions.append(new)
    return completions


def test_tokens_are_those_of_reading_everything_again(
    policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    uniform_RT = torch.rand(12, 8, dtype=torch.float64)
    expected = plainly(policy, uniform_RT, 6)
    assert len(set(map(len, expected))) > 3
    sizes: list[int] = []
    hook = policy.model.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    assert decode(policy.model, IDS, MASK, uniform_RT, ends=ENDS) == expected
    # The prompts once, all rows, and ever fewer.
    assert sizes[:2] == [2, 12] and sizes[-1] < 4
    monkeypatch.setattr(decoding, "DROP_AT", 0.0)
    assert decode(policy.model, IDS, MASK, uniform_RT, ends=ENDS) == expected
    hook.remove()


def test_the_last_token_can_be_picked_and_none_past_it() -> None:
    logits_RV = torch.zeros(2, 4)
    assert picked(logits_RV, torch.tensor([[1.0], [0.76]]), 1.0).tolist() == [[3], [3]]
    assert picked(logits_RV, torch.tensor([[0.0], [0.26]]), 1.0).tolist() == [[0], [1]]
