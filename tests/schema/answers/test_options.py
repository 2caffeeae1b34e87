"""Options are read from listings as people write them, choices from what people answer."""

import pytest

from schema.answers import chosen_option, options_of

TEXTS = ["a rose", "an oak", "the moss", "a fern"]
STEM = "Which plant has flowers?"


def listing(form: str, letters: str = "ABCD", joint: str = "\n") -> str:
    return joint.join(
        form.format(letter, text) for letter, text in zip(letters, TEXTS, strict=True)
    )


LISTINGS = [
    *(f"{STEM}\n{listing(form)}" for form in (
        "{}. {}", "{}) {}", "({}) {}", "[{}] {}", "{}: {}", "- {}. {}", "* {}) {}", "**{}.** {}",
        "**{})** {}", "Option {}: {}", "{}．{}", "  {}. {}",
    )),
    f"{STEM}\n{listing('{}) {}', 'abcd')}",
    f"{STEM}\n({listing('{}) {}', 'abcd', joint=chr(10) + '(')}",
    f"{STEM}\n\n" + listing("{}. {}", joint="\n\n") + "\n\nAnswer with one letter.",
    f"{STEM} {listing('{}. {}', joint=' ')}",
    f"{STEM} Options: {listing('{}) {}', joint=', ')}",
    f"{STEM} {listing('({}) {}', joint=' ')}",
    STEM + '\n{"A": "a rose", "B": "an oak", "C": "the moss", "D": "a fern"}',
]  # fmt: skip


@pytest.mark.parametrize("query", LISTINGS, ids=range(len(LISTINGS)))
def test_listings(query: str) -> None:
    assert options_of(query) == tuple(zip("ABCD", TEXTS, strict=True))


def test_ten_options_and_numbered_ones() -> None:
    ten = "\n".join(f"{chr(65 + place)}. number {place}" for place in range(10))
    assert len(options_of(f"Which one?\n{ten}")) == 10
    numbered = options_of("Which of these is a tree?\n1. a rose\n2. an oak")
    assert numbered == (("1", "a rose"), ("2", "an oak"))
    assert chosen_option(numbered, "The answer is 2.") == "2"


@pytest.mark.parametrize(
    "query",
    [
        "Follow these steps:\n1. Add.\n2. Divide.\nWhat comes out of 4 and 6?",
        "The inputs are\n A = 0\n B = 1\nWhat is the output?",
        "Press buttons.\nButtons:\nA: add 2\nB: take 3\nC: double",
        "For example 1 [A] 0 [B] 3 [C] means one block. How many are left? (A) 0 (B) 1 (C).",
        "Mr. A. Smith met B. Jones. Who came first?",
    ],
)
def test_what_is_no_listing(query: str) -> None:
    assert options_of(query) == ()


OPTIONS = options_of(LISTINGS[0])


@pytest.mark.parametrize(
    "answer",
    [
        "B", "b", "(B)", "B.", "B)", "**B**", "`B`", "B: an oak", "B - an oak", "B an oak",
        "an oak",
        "Oak", "The oak.", "\\boxed{B}", "\\boxed{\\text{(B)}}", "\\boxed{an oak}", "$\\boxed{B}$",
        "The answer is B", "The answer is (B) an oak.", "Answer: **B**", "ANSWER: B", "Option B",
        "I choose B.", "It's B", "So B is right", "<answer> B </answer>", "答案是B", "答案：B",
        "The answer is not A; it is B.", "The answer is A? No. \\boxed{B}", "B, because oaks bloom",
        "The answer is A. Wait, actually B.", "B\n\nA. is a shrub.\nC. has none.",
        "(A) has thorns, (C) has none, so (B)", "The answer is B. Note that A is a trap.",
        "The correct answer is **an oak**.", "option B is the correct choice.",
    ],
)  # fmt: skip
def test_choices(answer: str) -> None:
    assert chosen_option(OPTIONS, answer) == "B"


@pytest.mark.parametrize("answer", ["A rose", "a rose", "\\boxed{A rose}", "The answer is a rose."])
def test_an_article_is_no_letter(answer: str) -> None:
    assert chosen_option(OPTIONS, answer) == "A"
    other = options_of("Which?\nA. an oak\nB. a rose")
    assert chosen_option(other, answer) == "B"


@pytest.mark.parametrize(
    ("query", "answers"),
    [
        ("What is 3-9?\nA. 6\nB. -6\nC. 12", {"6": "A", "-6": "B", "The answer is -6.": "B"}),
        (
            "Which?\nA. S. aureus\nB. E. coli\nC. yeast\nD. moss\nE. none",
            {"E. coli": "B", "E": "E"},
        ),
        ("Which?\nA. Vitamin B\nB. Vitamin A", {"Vitamin A": "B", "B. Vitamin A": "B"}),
        ("Value?\nA. $\\frac{2}{5}$\nB. $\\frac{5}{2}$", {"0.4": "A", "5/2": "B", "\\frac25": "A"}),
        ("How many?\nA. 2,000\nB. 200", {"2000": "A", "200": "B"}),
        ("Angle?\nA. 45 degrees\nB. 90 degrees", {"45": "A", "90°": "B"}),
        ("Which?\nA. x > 2\nB. x < 2\nC. x = 2", {"x < 2": "B", "The answer is x = 2": "C"}),
        ("Which?\nA. tin\nB. lead\nC. both tin and lead", {"lead": "B", "tin and lead": "C"}),
        ("Which?\nA. KOH\nB. C2H6\nC. B(OH)3", {"B(OH)3": "C", "C2H6": "B"}),
    ],
)
def test_texts_that_look_like_letters(query: str, answers: dict[str, str]) -> None:
    options = options_of(query)
    assert {answer: chosen_option(options, answer) for answer in answers} == answers
