r"""Prompts that a chat template was applied to become messages again.

Logs of trainers hold what the tokenizer made of a prompt. Written once with the template's tokens
and once without them (`skip_special_tokens`), the same question would be two.
"""

import re
from dataclasses import dataclass
from typing import Final

_CHATML = re.compile(r"<\|im_start\|>\s*([a-z_]+)\n")
_LLAMA = re.compile(r"<\|start_header_id\|>\s*([a-z_]+)\s*<\|end_header_id\|>\n*")
_GEMMA = re.compile(r"<start_of_turn>\s*([a-z_]+)\n")
_HARMONY = re.compile(r"<\|start\|>\s*([a-z_]+)[^<]*(?:<\|channel\|>\s*\w+\s*)?<\|message\|>")
_DEEPSEEK = re.compile(r"<｜(User|Assistant)｜>")
_PHI = re.compile(r"<\|(system|user|assistant)\|>\n?")
#: Not a template, but how Anthropic's data sets write a chat.
_HUMAN = re.compile(r"(?:\A|\n\n)(Human|Assistant):[ ]?")
#: Tokens that begin a turn, each with those that end one.
_TEMPLATES: Final = (
    (_CHATML, re.compile(r"<\|im_end\|>\s*\Z")),
    (_LLAMA, re.compile(r"(?:<\|eot_id\|>|<\|eom_id\|>)\s*\Z")),
    (_GEMMA, re.compile(r"<end_of_turn>\s*\Z")),
    (_HARMONY, re.compile(r"(?:<\|end\|>|<\|return\|>)\s*\Z")),
    (_DEEPSEEK, re.compile(r"<｜end▁of▁sentence｜>\s*\Z")),
    (_PHI, re.compile(r"(?:<\|end\|>|</s>)\s*\Z")),
    (_HUMAN, re.compile(r"\s*\Z")),
)
_MISTRAL = re.compile(r"\[INST\](.*?)\[/INST\]", re.DOTALL)
_SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_BEGIN = re.compile(
    r"\A(?:\s*(?:<\|begin_of_text\|>|<bos>|<s>|<｜begin▁of▁sentence｜>|<\|endoftext\|>|<pad>))+"
)
#: Without their tokens, templates leave the names of the roles: ChatML and Gemma on lines of
#: their own, Llama 3 before a blank line, and after the text before without any space.
_BARE_LINES = re.compile(r"(?:\A|\n)(system|user|assistant|model)\n")
_BARE_LLAMA = re.compile(r"(?:\A|(?<=\S)|\n)(system|user|assistant)\n\n")
_ROLES: Final = {"model": "assistant", "human": "user", "gpt": "assistant"}
#: System prompts that templates write where the chat has none.
_DEFAULT_SYSTEM: Final = (
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
)
_LLAMA_DATE = re.compile(r"\ACutting Knowledge Date: [^\n]*\n(?:Today Date: [^\n]*\n)?\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplatedPrompt:
    """What a prompt was before the template: its messages, and how the reply was begun."""

    messages: tuple[dict[str, str], ...]
    #: What stands after the mark of the assistant's turn, such as `<think>`; the reply goes on.
    begun: str = ""


def templated_prompt(text: str, *, bare: bool = False) -> TemplatedPrompt | None:
    """The prompt that a chat template made `text` of; None: there are no signs of one.

    Args:
        text: a prompt as the policy was given it.
        bare: the template's special tokens were left out when it was decoded.
    """
    if bare:
        return _bare(text.strip("\n"))
    body = _BEGIN.sub("", text)
    for opening, ending in _TEMPLATES:
        turns = list(opening.finditer(body))
        if turns and _is_template(opening, body, turns):
            return _prompt(body, turns, ending)
    return _mistral(body)


def _is_template(opening: re.Pattern[str], body: str, turns: list[re.Match[str]]) -> bool:
    """Whether turns were marked by a template; `<|user|>` alone is what our own texts have too."""
    if opening is _HUMAN:
        roles = [_ROLES.get(turn[1].lower(), "assistant") for turn in turns]
        return turns[0].start() == 0 and _takes_turns(roles)
    if opening is not _PHI:
        return True
    return turns[0].start() == 0 and ("<|end|>" in body or "</s>" in body or _is_begun(turns))


def _is_begun(turns: list[re.Match[str]]) -> bool:
    return turns[-1][1] == "assistant" and turns[-1].end() == len(turns[-1].string)


def _prompt(
    body: str, turns: list[re.Match[str]], ending: re.Pattern[str]
) -> TemplatedPrompt | None:
    said: list[tuple[str, str]] = []
    head = body[: turns[0].start()].strip()
    if head and turns[0].re is not _DEEPSEEK:
        return None  # A text that tells of a template.
    if head:  # DeepSeek's system prompt has no mark.
        said.append(("system", head))
    for place, turn in enumerate(turns):
        end = turns[place + 1].start() if place + 1 < len(turns) else len(body)
        role = turn[1].lower()
        said.append((_ROLES.get(role, role), ending.sub("", body[turn.end() : end])))
    return _without_defaults(said)


def _bare(text: str) -> TemplatedPrompt | None:
    for opening in (_BARE_LINES, _BARE_LLAMA):
        turns = list(opening.finditer(f"{text}\n\n"))
        if turns and turns[0].start() != 0:
            continue
        if turns and _takes_turns([_ROLES.get(turn[1], turn[1]) for turn in turns]):
            said = [
                (
                    _ROLES.get(turn[1], turn[1]),
                    text[turn.end() : following.start() if following else len(text)],
                )
                for turn, following in zip(turns, [*turns[1:], None], strict=True)
            ]
            return _without_defaults(said)
    return None


def _takes_turns(roles: list[str]) -> bool:
    """Whether roles are those of a chat; a line `user` in a question makes a text that is none."""
    turns = roles[1:] if roles[0] == "system" else roles
    return len(turns) % 2 == 0 and turns == ["user", "assistant"] * (len(turns) // 2) != []


def _mistral(body: str) -> TemplatedPrompt | None:
    turns = list(_MISTRAL.finditer(body))
    if not turns or body[: turns[0].start()].strip():
        return None
    said: list[tuple[str, str]] = []
    for place, turn in enumerate(turns):
        asked = turn[1]
        system = _SYSTEM.match(asked)
        if system:
            said.append(("system", system[1]))
            asked = asked[system.end() :]
        end = turns[place + 1].start() if place + 1 < len(turns) else len(body)
        reply = body[turn.end() : end].replace("</s>", "")
        said += [("user", asked), ("assistant", reply)]
    return _without_defaults(said)


def _without_defaults(said: list[tuple[str, str]]) -> TemplatedPrompt | None:
    begun = said.pop()[1] if said[-1][0] == "assistant" else ""
    turns: list[dict[str, str]] = []
    for role, text in said:
        text = text.strip()
        if role == "system":
            text = _LLAMA_DATE.sub("", text)
            if not text or text in _DEFAULT_SYSTEM:
                continue
        turns.append({"role": role, "content": text})
    if not turns:
        return None
    return TemplatedPrompt(messages=tuple(turns), begun=begun.lstrip("\n"))
