"""Results of mathematics: the same value in another dress is right, anything dropped is wrong."""

# ruff: noqa: RUF001 (people write these characters)

import pytest

from schema.errors import InputError
from trainer.verifiers.dates import date
from trainer.verifiers.final_answer import final_answer
from trainer.verifiers.mathematics import same_result

SAME = [
    ("60 km/h", "60 kilometers per hour"),
    ("60 miles per hour", "60 mph"),
    ("5", "So, the quotient of $\\frac{30}{6}$ is 5."),
    ("4\\pi", "4\\pi"),
    ("9\\pi", "\\boxed{9\\pi}"),
    ("9\\pi", "9 pi"),
    ("\\frac{\\pi}{2}", "pi/2"),
    ("2\\pi", "$2\\pi$ cm"),
    ("3\\sqrt{5}", "3√5"),
    ("3\\sqrt{5}", "3*sqrt(5)"),
    ("\\sqrt{45}", "3\\sqrt{5}"),
    ("2\\frac{3}{4}", "2.75"),
    ("2\\frac{3}{4}", "2 3/4"),
    ("2\\frac34", "11/4"),
    ("6 feet 2 inches", "6 feet 2 inches"),
    ("6 feet 2 inches", "6 ft 2 in"),
    ("4:15 PM", "16:15"),
    ("4:15 PM", "The answer is 4:15 p.m."),
    ("3:4", "3:4"),
    ("1:2:3", "1:2:3"),
    ("y=3x-2", "3x-2"),
    ("2x-y-2=0", "y=2x-2"),
    ("x=1 \\text{ or } x=-2", "x=-2 or x=1"),
    ("1,-2", "x=1, x=-2"),
    ("x=1 or x=4", "1, 4"),
    ("x<4", "4 > x"),
    ("2 < x < 5", "2<x<5"),
    ("\\{2,4\\}", "{4, 2}"),
    ("(2,-3)", "(2, -3)"),
    ("[1,3)", "[1,3)"),
    ("1,234", "1234"),
    ("12,000", "12000"),
    ("1234", "1,234"),
    ("\\pm 3", "\\pm3"),
    ("\\pm 3", "-3, 3"),
    ("2\\pm\\sqrt{3}", "2-\\sqrt{3}, 2+\\sqrt{3}"),
    ("-\\infty", "-∞"),
    ("40%", "0.4"),
    ("40", "40%"),
    ("12.5%", "12.5"),
    ("0.4", "40%"),
    ("25", "€25"),
    ("\\$25", "\\$25.00"),
    ("25", "25 USD"),
    ("2500", "$2,500"),
    ("45^\\circ", "45°"),
    ("45", "45^\\circ"),
    ("2500000", "2.5e6"),
    ("2.5\\times 10^6", "2500000"),
    ("0.003", "3 \\times 10^{-3}"),
    ("2/3", "0.666666667"),
    ("2/3", "4/6"),
    ("\\frac{2}{3}", "\\dfrac{2}{3}"),
    ("Paris", "paris"),
    ("Paris", "\\boxed{\\text{Paris}}"),
    ("Paris", "It is Paris."),
    ("No", "no"),
    ("No", "No, it is not."),
    ("False", "false"),
    ("42", "forty-two"),
    ("105", "one hundred and five"),
    ("456", "４５６"),
    ("456", "٤٥٦"),
    ("7", "\\boxed{\\text{7}}"),
    ("7", "\\fbox{7}"),
    ("7", "<answer>7</answer>"),
    ("He has 3 + 4 = 7.\n#### 7", "7"),
    ("#### 1,200", "1200"),
    ("x^2-4", "(x-2)(x+2)"),
    ("n=1, 2", "1, 2"),
    ("7", "\\[\n3+4=7\n\\]"),
    ("7", "3 + 4 = 7"),
    ("7", "\\[ 3+4 \\]"),
    ("-7", "−7"),
    ("7", "7.00"),
    ("7", "y = 7"),
    ("7", "approximately 7"),
    ("18", "So Janet makes 18 dollars every day."),
    ("18", "The answer is 18 apples."),
    ("5 km", "5 kilometers"),
    ("5 km", "5"),
    ("x", "x"),
    ("17", "Let me compute.\n**17**"),
    ("17", "Therefore, the total is **17**."),
    (
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
        "$\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}$",
    ),
    ("8", "2 * 4"),
    ("10 cm", "10 \\text{ cm}"),
    ("10 \\text{ cm}^2", "10"),
    ("10", "10 \\text{ cm}^2"),
    ("1.50", "$1.50"),
    ("2x+3", "3+2x"),
    ("(x+1)(x+2)", "x^2+3x+2"),
    ("\\frac{x}{2}", "x/2"),
    ("0", "-0"),
    ("5!", "120"),
]
DIFFERENT = [
    ("60 km/h", "60 miles per hour"),
    ("5 dollars per hour", "5 dollars"),
    ("9\\pi", "9"),
    ("\\frac{\\pi}{2}", "1.5708"),
    ("36", "36π"),
    ("3y", "3"),
    ("7", "7k"),
    ("7", "\\boxed{7a}"),
    ("3\\sqrt{5}", "3"),
    ("1.5", "2\\frac34"),
    ("2\\frac34", "2*3/4"),
    ("6 feet 2 inches", "6 feet"),
    ("2 hours 30 minutes", "2 hours 3 minutes"),
    ("4:15 PM", "4:15 AM"),
    ("9:05", "9:50"),
    ("3:4", "4:3"),
    ("3:4", "4"),
    ("1:2:3", "1:2:4"),
    ("x+y=5", "x+y=6"),
    ("y=3x", "y=4x"),
    ("x=1 \\text{ or } x=-2", "x=1"),
    ("x<4", "x > 4"),
    ("x<4", "x \\leq 4"),
    ("2 < x < 5", "x<5"),
    ("\\{2,4\\}", "{2}"),
    ("(2,-3)", "(-3,2)"),
    ("[1,3)", "(1,3)"),
    ("3,5", "35"),
    ("\\pm 3", "3"),
    ("2\\pm\\sqrt{3}", "2+\\sqrt{3}"),
    ("\\infty", "5"),
    ("-\\infty", "infinity"),
    ("40%", "4"),
    ("40", "0.4"),
    ("\\$25", "\\$26"),
    ("45^\\circ", "54"),
    ("10^4", "1000"),
    ("2/3", "0.667"),
    ("Paris", "London"),
    ("listen", "silent"),
    ("No", "Yes"),
    ("False", "True"),
    ("42", "forty"),
    ("2", "forty-two"),
    ("456", "４５７"),
    ("7", "<answer>8</answer>"),
    ("He has 3 + 4 = 7.\n#### 7", "3"),
    ("x^2-4", "x^2+4"),
    ("3", "3\\sqrt{2}"),
    ("\\frac{1}{3^{50}}", "\\frac{1}{3^{49}}"),
    ("n=1, 2", "n=1, 3"),
    ("300000000.25", "300000000"),
    ("-7", "7"),
    ("18", "It is not 18."),
    ("54", "54 or 55"),
    ("5 km", "5 m"),
    ("5", "5 million"),
    ("3", "9/0"),
    ("4", "\\boxed{4"),
    ("3", "\\boxed{2} or \\boxed{3}"),
    ("3", "1" * 4301),
    (
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 5 \\end{pmatrix}",
    ),
]


RIGHT = [
    ("7", "7"), ("7", "7.0"), ("7", "seven"), ("7", "\\boxed{7}"), ("7", "7 apples"),
    ("7", "There are 7 apples."), ("7", "7\\%"), ("7", "x = 7"), ("\\frac{5}{8}", "0.625"),
    ("\\frac{5}{8}", "5/8"), ("\\frac{5}{8}", "\\frac{10}{16}"), ("\\frac{5}{8}", "\\dfrac58"),
    ("3x+6", "3(x+2)"), ("3x+6", "y=3x+6"), ("[2, \\infty)", "[2,∞)"),
    ("(-\\infty,1)\\cup(4,\\infty)", "(-∞,1)∪(4,∞)"), ("(3, 4)", "(3,4)"), ("3 and 4", "4 and 3"),
    ("x=3 or x=4", "x=4 or x=3"), ("12 cm", "12"), ("12 cm", "12 cm"), ("2 hours", "2 h"),
    ("5 feet 4 inches", "5 ft 4 in"), ("$24.50", "24.5"), ("$24.50", "\\$24.50"),
    ("1,250", "1250"), ("2 million", "2000000"), ("4:45 PM", "4:45 PM"), ("4:45 PM", "16:45"),
    ("June 7, 2019", "June 7, 2019"), ("2019-06-07", "2019-06-07"), ("3:5", "3:5"),
    ("45^\\circ", "45°"), ("45^\\circ", "45"), ("75%", "0.75"), ("75%", "75"),
    ("2\\sqrt{5}", "\\sqrt{20}"), ("2\\sqrt{5}", "2√5"), ("\\frac{\\pi}{4}", "π/4"),
    ("6.02\\times 10^{23}", "6.02e23"), ("Paris", "paris"), ("Paris", "\\boxed{\\text{Paris}}"),
    ("Paris", "The answer is Paris."), ("Yes", "Yes, it is."), ("False", "false"),
    ("x>3", "x > 3"), ("-2 \\le x < 5", "-2 ≤ x < 5"), ("\\{1,2\\}", "\\{2,1\\}"), ("27", "٢٧"),
    ("27", "२७"), ("-14", "−14"), ("naïve", "naïve"), ("3+4i", "4i+3"), ("1e-5", "0.00001"),
    ("e^{2x}", "e^{2x}"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"),
    ("The total is 18 dollars.\n#### 18", "18"), ("y = 2x + 3", "2x+3"),
    ("x^2+y^2=9", "x^2+y^2=9"), ("x^2+y^2=9", "2x^2+2y^2=18"),
    ("5", "The answer is 5. Therefore x is not 6."), ("5", "First I got 4, but the answer is 5."),
    ("5", "\\boxed{4} no, \\boxed{5}"), ("12", "3 \\times 4 = 12"),
]  # fmt: skip
WRONG = [
    ("7", "-7"), ("7", "7x"), ("7", "17"), ("7", "70"), ("7", "7, 8"), ("7", "7 or 8"),
    ("7", "not 7"), ("7", "7!"), ("7", "\\sqrt{7}"), ("7", "7^2"), ("7", "between 6 and 7"),
    ("\\frac{5}{8}", "0.63"), ("\\frac{5}{8}", "8/5"), ("3x+6", "3x-6"), ("3x+6", "3x+6y"),
    ("3x+6", "6"), ("[2, \\infty)", "(2,∞)"), ("[2, \\infty)", "x \\geq 2"),
    ("(-\\infty,1)\\cup(4,\\infty)", "(4,\\infty)"), ("(3, 4)", "(4,3)"), ("(3, 4)", "(3, 4, 5)"),
    ("(3, 4)", "34"), ("3, 4", "4, 3"), ("x=3 or x=4", "x=4"), ("12 cm", "12 km"),
    ("2 hours", "2 minutes"), ("5 feet 4 inches", "5 feet"), ("$24.50", "$24.05"),
    ("1250", "1.250"), ("2 million", "2"), ("4:45 PM", "4:45 AM"), ("4:45 PM", "5:45 PM"),
    ("June 7, 2019", "July 7, 2019"), ("June 7, 2019", "June 7, 2020"),
    ("2019-06-07", "2019-06-08"), ("2019-06-07", "2019-07-06"), ("3:5", "5:3"),
    ("45^\\circ", "46"), ("75%", "7.5"), ("2\\sqrt{5}", "4.4721"),
    ("6.02\\times 10^{23}", "6.02e22"), ("Paris", "London"), ("Paris", "not Paris"),
    ("Yes", "no"), ("False", "True"), ("x>3", "x>=3"), ("x>3", "3"),
    ("-2 \\le x < 5", "-2 < x < 5"), ("\\{1,2\\}", "\\{1,2,3\\}"), ("3+4i", "3-4i"),
    ("42", "\\boxed{42"), ("42", ""), ("42", "1/0"), ("42", "\\frac{1}{0}"), ("1e-5", "0.0001"),
    ("e^{2x}", "e^{x}"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}"),
    ("The total is 18 dollars.\n#### 18", "81"), ("y = 2x + 3", "y=2x-3"), ("x^2+y^2=9", "9"),
    ("5", "5 or 6"), ("12", "12 = 3 \\times 5"),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "answer"), [*SAME, *RIGHT])
def test_the_same_result(gold: str, answer: str) -> None:
    assert same_result(gold, answer)


@pytest.mark.parametrize(("gold", "answer"), [*DIFFERENT, *WRONG])
def test_another_result(gold: str, answer: str) -> None:
    assert not same_result(gold, answer)


@pytest.mark.parametrize("gold", ["", "\\frac{", "2x+"])
def test_a_gold_that_cannot_be_read_is_said(gold: str) -> None:
    with pytest.raises(InputError, match="expected answer"):
        same_result(gold, "3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("So it costs \\boxed{\\$18}.", "\\$18"),
        ("<answer> 7 </answer><|im_end|>", "7"),
        ("He eats 3.\n#### 4\nI hope this helps!", "4"),
        ("The answer is 5. It was easy.", "5"),
        ("First 3.\nThen 4 apples", "Then 4 apples"),
        ("\\boxed{1} and \\boxed{2}", "1, 2"),
        ("\\boxed{3", ""),
    ],
)
def test_the_part_that_says_the_result(text: str, said: str) -> None:
    assert final_answer(text) == said


@pytest.mark.parametrize(
    ("gold", "answer", "query", "same"),
    [
        ("9", "So, Ann sold 9 more tickets than Bo.", "How many more did Ann sell than Bo?", True),
        ("9", "So, Ann sold no more than 9 tickets.", "How many did Ann sell?", False),
        (
            "4",
            "So Bo needs 4 bags for 12 apples.",
            "How many bags does Bo need for 12 apples?",
            True,
        ),
        (
            "12",
            "So Bo needs 4 bags for 12 apples.",
            "How many bags does Bo need for 12 apples?",
            False,
        ),
        ("-3/5", "So, the slope is $\\frac{-3}{5}$.", "What is the slope?", True),
    ],
)
def test_a_sentence_is_read_by_its_query(gold: str, answer: str, query: str, same: bool) -> None:
    assert same_result(gold, answer, query) is same


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2019-06-07", (2019, 6, 7)),
        ("June 7, 2019", (2019, 6, 7)),
        ("7th of June 2019", (2019, 6, 7)),
        ("Sept. 1, 2020", (2020, 9, 1)),
        ("6/7/2019", (0, 2019, 6, 7)),
        ("7 apples 2019", None),
        ("2019", None),
    ],
)
def test_dates(text: str, day: tuple[int, ...] | None) -> None:
    assert date(text) == day


@pytest.mark.parametrize(
    ("gold", "answer", "same"),
    [
        ("sin 2x", "2 sin x", False),
        ("sin 2x", "\\sin(2x)", True),
        ("f'(x)", "f(x)", False),
        ("0x1F", "0x2F", False),
        ("0x1F", "0x1f", True),
        ("3:4:5", "3:5:4", False),
        ("3:4:5", "6:8:10", True),
        ("1 2\n2 1", "2 1\n1 2", False),
        ("1 2\n2 1", "```\n1 2\n2 1\n```", True),
        ("1 2\n2 1", "So it is:\n1, 2\n2, 1", True),
        ("0.05", ".05", True),
        ("March 3, 2021", "The date is March 3, 2021.", True),
    ],
)
def test_what_a_parser_would_multiply(gold: str, answer: str, same: bool) -> None:
    assert same_result(gold, answer) is same
