"""The program is found among what is written around it; its key holds what it does."""

import pytest

from schema.answers.code import code_of, code_span, parse_code
from schema.answers.completion import split_completion
from schema.answers.program_key import code_key

PROGRAM = "def double(n):\n    return 2 * n"
FENCED = f"```python\n{PROGRAM}\n```"


@pytest.mark.parametrize(
    "text",
    [
        FENCED,
        f"```py\n{PROGRAM}\n```",
        f"```Python3 title=a.py\n{PROGRAM}\n```",
        f"```\n{PROGRAM}\n```",
        f"~~~python\n{PROGRAM}\n~~~",
        f"````python\n{PROGRAM}\n````",
        f"```python\n{PROGRAM}",
        "1. Here:\n   ```python\n   def double(n):\n       return 2 * n\n   ```",
        f"{FENCED}\n\n### Explanation\n- It doubles.",
        f"{FENCED}\nUse it so:\n```python\nprint(double(4))\n```",
        f"{FENCED}\n```python\ndef test_double():\n    assert double(1) == 2\n```",
        f"{FENCED}\n```text\n8\n```",
        f"Run it:\n```bash\npip install x\n```\n{FENCED}",
        f"First try:\n```python\ndef double(n):\n    return n\n```\nBetter:\n{FENCED}",
        f"{PROGRAM}\n\nThis doubles the number.",
        f"```\n{FENCED}",
    ],
)
def test_the_solution_is_found(text: str) -> None:
    assert code_of(text) == PROGRAM
    assert code_key(text) == code_key(FENCED)


def test_imports_and_helpers_before_it_belong_to_it() -> None:
    text = "```python\nimport math\n```\nThen:\n```python\ndef f(x):\n    return math.sqrt(x)\n```"
    assert code_of(text) == "import math\n\ndef f(x):\n    return math.sqrt(x)"
    span = code_span(text)
    assert span is not None
    assert text[slice(*span)] == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return 'yes'", "def f(x):\n    return 'no'"),
        ("def f(x):\n    return 'x'", "def f(y):\n    return 'y'"),
        ("def f(x):\n    return max(x)", "def f(x):\n    return min(x)"),
        ("def f(x):\n    return x.upper()", "def f(x):\n    return x.lower()"),
        ("def f(x):\n    return x", "def g(x):\n    return x"),
        ("def f(x):\n    return 1", "def f(x):\n    return True"),
        ("def f(x):\n    return 1", "def f(x):\n    return '1'"),
        ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a"),
        ("n = int(input())\nprint(n)", "n = int(input())\nprint(n + 1)"),
    ],
)
def test_programs_that_differ(one: str, other: str) -> None:
    assert parse_code(f"```\n{one}\n```") is not None
    assert code_key(f"```\n{one}\n```") != code_key(f"```\n{other}\n```")


def test_programs_that_are_the_same() -> None:
    other = (
        "def double(value: int) -> int:\n    '''Twice.'''\n    # times two\n"
        "    return (2\n  * value)\nassert double(2) == 4\nprint(double(3))\n"
        "if __name__ == '__main__':\n    double(1)"
    )
    assert code_key(f"```\n{other}\n```") == code_key(FENCED)


@pytest.mark.parametrize(
    "completion",
    [
        f"Let me think.\n\n{FENCED}\n\nThis works since 2 * n is twice n. I hope this helps!",
        f"{FENCED}\nExample:\n```python\nprint(double(2))  # 4\n```",
        PROGRAM,
        f"<think>Twice.</think>\n{FENCED}\nDone.",
    ],
)
def test_a_completion_with_a_program(completion: str) -> None:
    assert code_key(split_completion(completion).answer) == code_key(FENCED)


def test_a_bare_script_is_a_program_and_a_sentence_is_none() -> None:
    script = "n = int(input())\nfor i in range(n):\n    print(i)"
    assert code_of(script) == script
    assert code_key(script) != code_key(script.replace("print(i)", "print(i + 1)"))
    for text in ("42", "x", "print", "n = 4, so the answer is 8", "a = b is what we want"):
        assert code_of(text) is None
