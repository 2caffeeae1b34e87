"""What tokenizers and tools leave around prompts and answers is taken off, and counted."""

from collections import Counter
from typing import Any, Final

from schema.errors import InputError
from schema.messages import chat_messages, normal_query, query_text, templated_prompt
from schema.values import without_end_tokens

#: What is counted.
TEMPLATES: Final = "chat templates"
END_TOKENS: Final = "end tokens"
ANSWER_TAGS: Final = "<answer> tags"
Cleaned = Counter[str]


def cleaned_query(value: Any, cleaned: Cleaned, *, bare: bool = False) -> tuple[Any, str]:
    """The query that a prompt is, and what the reply was begun with.

    Texts are trimmed and normalized (NFC), so that the same question from several tools is one.

    Args:
        value: a text, with or without a chat template, or messages.
        cleaned: counts what is taken off.
        bare: templates were decoded without their special tokens.

    Raises:
        InputError: if messages cannot be read.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    messages = chat_messages(value)
    begun = ""
    if messages is None and isinstance(value, str):
        templated = templated_prompt(value, bare=bare)
        if templated is None and bare:
            templated = templated_prompt(value)
        if templated is not None:
            cleaned[TEMPLATES] += 1
            messages, begun = list(templated.messages), templated.begun
    if messages is not None:
        if messages and messages[-1]["role"] == "assistant":
            messages, begun = messages[:-1], _text_of(messages[-1])
        value = query_text([{k: _normal(v) for k, v in turn.items()} for turn in messages])
    return _normal(value), begun


def cleaned_completion(value: Any, begun: str, cleaned: Cleaned) -> Any:
    """A completion as messages, or as a text that begins with what the prompt had begun.

    Args:
        value: a text or messages.
        begun: see `cleaned_query`; only an open thinking tag belongs to the completion.
        cleaned: counts what is taken off.

    Raises:
        InputError: if messages cannot be read.
    """
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, str):
        return chat_messages(value) or value
    count_tails(value, cleaned)
    if begun.strip() in ("<think>", "<thinking>") and not value.lstrip().startswith(begun.strip()):
        return f"{begun.strip()}\n{value}"
    return value


def count_tails(text: str, cleaned: Cleaned) -> None:
    """Count what `schema.answers` takes off a completion or an answer."""
    end = text.rstrip()[-1:]
    if end not in (">", "]"):
        return
    if without_end_tokens(text) != text:
        cleaned[END_TOKENS] += 1
        text = without_end_tokens(text)
    if text.rstrip().endswith("</answer>"):
        cleaned[ANSWER_TAGS] += 1


def is_untidy(query: str) -> bool:
    """Whether `cleaned_query` would change a text."""
    marked = "<" in query or "[INST]" in query
    return normal_query(query) != query or (marked and templated_prompt(query) is not None)


def _normal(value: Any) -> Any:
    return normal_query(value) if isinstance(value, str) else value


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if not isinstance(content, str):
        raise InputError("the prompt ends with a message of the assistant: map it as `completion`")
    return content
