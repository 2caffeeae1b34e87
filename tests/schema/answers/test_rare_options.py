"""More listings and choices: rare marks, data sets' JSON, self-corrections, signs as options."""

import pytest

from schema.answers import chosen_option, concluded_option, options_of

TEXTS = ["a trout", "a beetle", "an owl", "a bat"]


def listing(form: str, letters: str = "ABCD", joint: str = "\n") -> str:
    pairs = zip(letters, TEXTS, strict=True)
    return joint.join(form.format(letter, text) for letter, text in pairs)


LISTINGS = [
    *(listing(form) for form in (
        "{}. {}", "{}) {}", "({}) {}", "- {}. {}", "- {}) {}", "* {}: {}", "**{}.** {}",
        "**{}**: {}", "**{})** {}", "{}: {}", "[{}] {}", "Option {}: {}", "{} - {}", "   {}.  {}",
        "> {}. {}", "{}．{}", "{}、{}", "（{}）{}", "\\textbf{{({})}} {}", "$\\text{{({})}}$ {}",
        "<{}> {}", "{}.{}", "{}){}", "\\item[{}.] {}", "• {}. {}", "_{}._ {}", "__{}.__ {}",
        "**{}. {}**", "`{}`. {}", "{}\t{}", "${}$. {}", "### {}. {}",
    )),
    *(listing(form, joint=joint) for form, joint in (
        ("{}) {}", " "), ("({}) {}", " "), ("{}. {}", " "), ("({}) {}", ", "), ("{}) {}", "; "),
        ("{}. {}", "\n\n"), ("{}. {}", " | "), ("\\textbf{{({})}} {}", " \\qquad "),
    )),
    *(listing(form, "abcd") for form in ("{}) {}", "({}) {}", "- {}) {}")),
    listing("{}. {}") + "\nAnswer:",
    "Choices: " + listing("({}) {}", joint=" "),
    '{"A": "a trout", "B": "a beetle", "C": "an owl", "D": "a bat"}',
    "{'A': 'a trout', 'B': 'a beetle', 'C': 'an owl', 'D': 'a bat'}",
    '{"A": "a trout",\n "B": "a beetle",\n "C": "an owl",\n "D": "a bat"}',
    '["A. a trout", "B. a beetle", "C. an owl", "D. a bat"]',
    '{"text": ["a trout", "a beetle", "an owl", "a bat"], "label": ["A", "B", "C", "D"]}',
    '[{"label": "A", "text": "a trout"}, {"label": "B", "text": "a beetle"}, '
    '{"label": "C", "text": "an owl"}, {"label": "D", "text": "a bat"}]',
]  # fmt: skip


@pytest.mark.parametrize("listed", LISTINGS, ids=range(len(LISTINGS)))
def test_rare_listings(listed: str) -> None:
    assert options_of(f"Which is a bird?\n{listed}") == tuple(zip("ABCD", TEXTS, strict=True))


@pytest.mark.parametrize(
    "query",
    [
        "Note\nA, B\nB, C\nC, A\nHow many letters are there?",
        "Sort:\nA.b\nB.c\nC.d",
        "Add [1, 2] to {'A': 3}. What comes out?",
        "Which of B and C?\nBoth are letters.",
    ],
)
def test_what_is_no_listing_either(query: str) -> None:
    assert options_of(query) == ()


BIRD = options_of("Which is a bird?\n" + LISTINGS[0])


@pytest.mark.parametrize(
    "answer",
    [
        "C", "c", "(C)", "[C]", "C.", "C)", "C:", "**C**", "**C.**", "*C*", "`C`", "\"C\"", "'C'",
        "$C$", "\\boxed{C}", "\\boxed{\\text{C}}", "\\boxed{(C)}", "\\boxed{\\textbf{(C)}}",
        "\\boxed{\\text{C. an owl}}", "\\boxed{C) an owl}", "\\boxed{\\text{an owl}}",
        "\\boxed{c}", "an owl", "An owl.", "owl", "the owl", "**an owl**", "C. an owl",
        "C) an owl", "(C) an owl", "C: an owl", "C - an owl", "**C. an owl**", "Option C",
        "option c", "Option C: an owl", "choice C", "The answer is C", "The answer is (C).",
        "The answer is **C**.", "The correct answer is C. an owl", "The correct option is C.",
        "Answer: C", "**Answer:** C", "**Answer: C**", "Final Answer: (C)", "answer: c",
        "Answer - C", "<answer>C</answer>", "<answer>(C)</answer>", "<answer>an owl</answer>",
        "<answer>C. an owl</answer>", "I would choose C.", "I pick C.", "I'd go with C.",
        "It must be C.", "It is C.", "My answer is C.", "So, C.", "Therefore, C is correct.",
        "C is the right answer.", "C is correct because an owl has feathers.",
        "Owls are birds. So the answer is an owl.",
        "The answer is A. Wait, no: an owl has feathers, so the answer is C.",
        "First I thought B. Actually, it is C.", "It is not A and not B. The answer is C.",
        "A is a fish, B an insect, D a mammal. So C.",
        "A is wrong. B is wrong. D is wrong. C is right.",
        "The answer is B? No, the answer is C.", "The answer is C, not D.",
        "The answer is C because A is a fish.", "C\n\nA trout is a fish, a beetle is an insect.",
        "**C**\n\nExplanation: A trout is a fish.",
        "A trout is a fish. A beetle is an insect. A bat is a mammal. The answer is C.",
        "See.\nA. a trout: fish.\nB. a beetle: insect.\nC. an owl: bird.\nSo the answer is C.",
        "Ｃ", "（C）", "C．", "答案是C", "答案：C", "选C", "正确答案是C。", "选项C",
        "The answer is: C",
        "The answer is:\n\nC", "### Answer\nC", "Correct answer: **C) an owl**", "C!", "=> C",
        "-> C", "C. An Owl", "The bird is the owl.", "The best choice is (C) an owl.",
        "A common mistake is to pick D; the answer is C.", "I believe the answer is C: an owl.",
        "The answer is \\boxed{C}.", "The answer is $\\boxed{\\text{C}}$",
        "Therefore, the correct answer is **C. an owl**.", "C<|im_end|>", "C</s>",
    ],
)  # fmt: skip
def test_the_owl_is_chosen(answer: str) -> None:
    assert chosen_option(BIRD, answer) == "C"


@pytest.mark.parametrize(
    "answer",
    [
        "I", "E", "none of these", "", "I do not know.", "a dog", "A or B", "A and C",
    ],
)  # fmt: skip
def test_nothing_is_chosen(answer: str) -> None:
    assert chosen_option(BIRD, answer) is None


@pytest.mark.parametrize(
    ("query", "answers"),
    [
        (
            "Which is a bird?\nA. a trout\nB. a beetle\nC. an owl\nD. a bat",
            {
                "a bat": "D", "A bat.": "D", "a": "A", "A beetle": "B",
                "A trout is a fish, hence A.": "A",
            },
        ),
        (
            "What is 3-8?\nA. 5\nB. -5\nC. 11\nD. -11",
            {
                "-5": "B", "5": "A", "\\boxed{-5}": "B", "3 - 8 = -5": "B",
                "The result of 3 minus 8 is -5.": "B", "−5": "B", "The difference is 11.": "C",
            },
        ),
        (
            "Which operator is power in Python?\nA. ^\nB. **\nC. %\nD. //",
            {
                "**": "B", "^": "A", "The answer is `**`.": "B", "//": "D", "B": "B",
                "\\boxed{B}": "B", "The answer is %": "C",
            },
        ),
        (
            "Which sign?\nA. *\nB. _\nC. `\nD. $",
            {
                "*": "A", "_": "B", "D": "D",
            },
        ),
        (
            "Which germ?\nA. S. aureus\nB. E. coli\nC. C. diff\nD. E. faecalis",
            {
                "E. coli": "B", "C. diff": "C", "E. faecalis": "D",
                "The answer is S. aureus.": "A", "C": "C",
            },
        ),
        (
            "Value?\nA. 1/2\nB. 2/3\nC. 3/2\nD. 2",
            {
                "0.5": "A", "\\frac{2}{3}": "B", "1.5": "C", "2": "D", "The answer is 2/3.": "B",
            },
        ),
        (
            "How far?\nA. 5 km\nB. 5 m\nC. 50 km\nD. 50 m",
            {
                "5 km": "A", "50 m": "D", "The answer is 50 km.": "C",
                "\\boxed{5\\text{ m}}": "B",
            },
        ),
        (
            "Which?\nA. sodium\nB. chlorine\nC. sodium chloride\nD. both A and B",
            {
                "sodium": "A", "sodium chloride": "C", "both A and B": "D",
                "Both A and B are correct.": "D", "The answer is D, both A and B.": "D",
            },
        ),
        (
            "Which?\nA. increases\nB. decreases\nC. does not change\nD. none of the above",
            {
                "does not change": "C", "None of the above": "D", "It decreases.": "B",
            },
        ),
        (
            "Is it true?\nA. True\nB. False",
            {
                "True": "A", "False.": "B", "The statement is false.": "B",
            },
        ),
        (
            "Is it true?\nA. Yes\nB. No",
            {
                "No": "B", "Yes, it is.": "A",
            },
        ),
    ],
)  # fmt: skip
def test_letters_signs_and_values(query: str, answers: dict[str, str]) -> None:
    options = options_of(query)
    assert {answer: chosen_option(options, answer) for answer in answers} == answers


@pytest.mark.parametrize(
    ("answer", "letter"),
    [("J", "J"), ("The answer is I.", "I"), ("(G)", "G"), ("I think that the answer is H.", "H")],
)
def test_ten_options(answer: str, letter: str) -> None:
    ten = "\n".join(f"{one}. word {one.lower()}{one.lower()}" for one in "ABCDEFGHIJ")
    assert chosen_option(options_of(f"Which?\n{ten}"), answer) == letter


def test_an_option_that_is_only_marks() -> None:
    query = "Which operator raises to a power?\nA. ^\nB. **\nC. *\nD. %"
    assert options_of(query) == (("A", "^"), ("B", "**"), ("C", "*"), ("D", "%"))
    assert [chosen_option(options_of(query), sign) for sign in ("**", "*", "`**`")] == [
        "B", "C", "B"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("thinking", "answer", "option"),
    [
        ("C. an owl", "It has feathers.", "C"),
        ("It has feathers: \\boxed{C}", "\\]", "C"),
        ("Perhaps C", "It has feathers.", None),
        ("An owl has feathers.", "So it flies.", None),
        ("The answer is C", "", None),
        ("C. an owl", "  ", None),
        ("C. an owl", "So it is D.", "D"),
    ],
)
def test_the_line_before_an_explanation(thinking: str, answer: str, option: str | None) -> None:
    assert concluded_option(BIRD, thinking, answer) == option
