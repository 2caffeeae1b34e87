"""More values in other dress, and pairs that differ: units, scripts, lists, dates, money."""

import pytest

from schema.answers import conclusion_key

QUERY = "How much is it?"
SAME = [
    [
        "8 km", "8 kilometers", "8 kilometres", "\\boxed{8\\text{ km}}", "8km",
    ],
    [
        "30 minutes", "30 min", "30 mins", "\\boxed{30 \\text{ minutes}}",
    ],
    [
        "2.5 hours", "2 1/2 hours", "5/2 hours", "2.5 h", "2.5 hrs",
    ],
    [
        "6 inches", "6 in.", "6 inch", "6\\text{ in}",
    ],
    [
        "3.5", "3.5 kg", "7/2", "3.50", "3.5 \\text{ kg}", "The answer is 3.5 kg.",
    ],
    [
        "36 km/h", "36 kph", "36 km/h.",
    ],
    [
        "250 mL", "250 ml", "250 milliliters",
    ],
    [
        "15 square feet", "15 ft^2", "15 ft²", "15 \\text{ ft}^2", "15 sq ft",
    ],
    [
        "27", "２７", "٢٧", "२७", "二十七", "The answer is ২৭.",
    ],
    [
        "-14", "−14", "–14", "－14", "minus 14", "negative fourteen", "(-14)",
    ],
    [
        "naïve", "naïve", "Naïve", "\\text{naïve}",
    ],
    [
        "Москва", "москва", "**Москва**", "\\boxed{\\text{Москва}}",
    ],
    [
        "答案是12", "12", "答案：12", "12。",
    ],
    [
        "东京", "\\boxed{东京}", "答案是东京。",
    ],
    [
        "[7, 8, 9]", "7, 8, 9", "(7,8,9)", "[7,8,9]", "7,8,9", "7; 8; 9", "7, 8 and 9",
        "[ 7 , 8 , 9 ]",
    ],
    [
        "['red', 'blue']", "[red, blue]", "red, blue", "\"red\", \"blue\"",
    ],
    [
        "[0.5, 1.5]", "[1/2, 3/2]", "[.5, 1.5]", "\\left[\\frac12, \\frac32\\right]",
    ],
    [
        "1 2 3\n4 5 6", "1 2 3 \n4 5 6\n", "```\n1 2 3\n4 5 6\n```",
    ],
    [
        "{\"x\": 1, \"y\": [2, 3]}", "{\"y\":[2,3],\"x\":1}",
        "```json\n{\"x\": 1,\n \"y\": [2, 3]}\n```",
    ],
    [
        "[{\"a\": 1}, {\"a\": 2}]", "[{\"a\":1},{\"a\":2}]",
    ],
    [
        "[2, \\infty)", "[2,∞)", "[2, inf)", "\\left[2,\\infty\\right)", "[2, +\\infty)",
    ],
    [
        "(-\\infty, 1) \\cup (4, \\infty)", "(-∞,1)∪(4,∞)", "(-\\infty,1)\\cup(4,+\\infty)",
    ],
    [
        "(0, \\frac12)", "(0, 0.5)", "(0,1/2)",
    ],
    [
        "5/8", "0.625", "\\frac58", "\\frac{5}{8}", "10/16", "\\tfrac{5}{8}", "{5 \\over 8}", "⅝",
    ],
    [
        "-2/3", "\\frac{-2}{3}", "-\\frac{2}{3}", "\\frac{2}{-3}", "-\\dfrac{4}{6}",
    ],
    [
        "3 1/4", "3\\frac14", "13/4", "3.25", "3¼", "3 \\dfrac{1}{4}",
    ],
    [
        "0.3333333333", "0.33333333333",
    ],
    [
        "June 7, 2019", "The answer is June 7, 2019.", "**June 7, 2019**", "june 7, 2019",
    ],
    [
        "2019-06-07", "The date is 2019-06-07.", "\\boxed{2019-06-07}",
    ],
    [
        "4:45 PM", "4:45 pm", "4:45 p.m.", "The answer is 4:45 PM.",
    ],
    [
        "07:05:30", "The answer is 07:05:30.",
    ],
    [
        "Thursday", "\\text{Thursday}", "thursday.", "It is Thursday.", "The answer is Thursday.",
    ],
    [
        "$1,250.50", "1250.5", "1250.50 dollars", "\\$1{,}250.50", "USD 1250.50", "€1.250,50",
    ],
    [
        "£30", "30 pounds", "30", "GBP 30", "30 GBP",
    ],
    [
        "₹500", "Rs 500", "500 rupees", "INR 500",
    ],
    [
        "¥800", "800 yen", "800", "￥800",
    ],
    [
        "2 million dollars", "$2,000,000", "2000000", "$2 million",
    ],
    [
        "3x+6", "3(x+2)", "6+3x", "3 (x + 2)", "3\\left(x+2\\right)", "y = 3x + 6",
    ],
    [
        "\\frac{x}{2}+1", "\\frac{x+2}{2}", "x/2+1", "0.5x + 1",
    ],
    [
        "2\\sqrt{5}", "2\\sqrt5", "\\sqrt{20}", "2*sqrt(5)", "2√5",
    ],
    [
        "e^{2x}", "e^{2 x}", "\\boxed{e^{2x}}",
    ],
    [
        "\\frac{3\\pi}{4}", "3π/4", "0.75\\pi", "\\dfrac{3}{4}\\pi", "3*pi/4",
    ],
    [
        "x^2-9", "(x-3)(x+3)", "x^{2} - 9", "x²-9", "x*x - 9",
    ],
    [
        "\\log_{10} 5", "\\log_{10}(5)",
    ],
    [
        "\\sin x", "\\sin(x)", "sin x", "sin(x)",
    ],
    [
        "n(n+1)/2", "\\frac{n(n+1)}{2}", "\\frac{n^2+n}{2}",
    ],
    [
        "4 + 3i", "3i+4", "4+3 i",
    ],
    [
        "x \\neq 2", "x != 2", "x ≠ 2",
    ],
    [
        "-1 \\le x < 4", "-1 <= x < 4", "-1≤x<4",
    ],
    [
        "x=1, y=4", "x = 1, y = 4", "\\boxed{x=1, y=4}", "x = 1 and y = 4",
    ],
    [
        "x = -2 \\text{ or } x = 5", "x=-2 or x=5", "\\boxed{x = -2 \\text{ or } x = 5}",
    ],
    [
        "\\{1, 3, 5\\}", "{5, 3, 1}", "\\left\\{1,3,5\\right\\}", "{1,3,5}",
    ],
    [
        "12.5%", "12.5 %", "12.5\\%", "12.5 percent", "12.50%",
    ],
    [
        "45°", "45 degrees", "45^\\circ", "45", "\\boxed{45^{\\circ}}",
    ],
    [
        "6.02e23", "6.02 \\times 10^{23}", "6.02×10²³", "6.02 * 10^23", "6.02E23",
    ],
    [
        "4e-5", "0.00004", "4 \\cdot 10^{-5}", "4 × 10⁻⁵",
    ],
    [
        "seventeen", "17", "The answer is seventeen.", "Seventeen",
    ],
    [
        "one hundred and twenty", "120", "one hundred twenty",
    ],
    [
        "11", "**11**", "`11`", "$11$", "$$11$$", "\\(11\\)", "\\[ 11 \\]", "11.", "= 11", "~11",
        "\\boxed{11}.", "Final answer: 11", "**Final Answer:** 11", "The final answer is $11$.",
        "#### 11", "<answer>11</answer>", "So the answer is **11**.", "Answer = 11", "x=11",
        "11.0", "+11", "\\mathbf{11}", "\\boxed{\\mathbf{11}}", "Hence, the result is 11.",
    ],
    [
        "yes", "Yes", "Yes.", "\\boxed{\\text{Yes}}", "**Yes**",
    ],
]  # fmt: skip

#: The same, where the query helps to read a sentence.
SAID = [
    (
        "Tom had 30 apples and ate 7. How many apples has he left?",
        [
            "So, Tom has 23 apples left.", "23", "23 apples", "\\boxed{23} apples",
            "Therefore, Tom has \\(23\\) apples left.",
        ],
    ),
    (
        "How much do 4 boxes cost?",
        [
            "Total cost = 4 boxes * 6 dollars/box = 24", "24",
            "\\[ \\text{Total} = 4 \\text{ boxes} \\times \\$6 = 24 \\text{ dollars} \\]",
            "\\text{Cost} = 4 \\text{ boxes} \\times 6 \\text{ dollars/box} = 24 \\text",
        ],
    ),
    (
        "How many more tickets did Ann sell than Bo?",
        [
            "So, Ann sold 9 more tickets than Bo. The final", "9",
            "So, Ann sold 9 more tickets than Bo.",
        ],
    ),
]  # fmt: skip

DIFFERENT = [
    ("9 km", "9 cm"), ("9 km", "9 miles"), ("9 mm", "9"), ("2 hours", "2 days"),
    ("40 mg", "40 g"), ("5 tons", "5"), ("3 weeks", "3"), ("12 mph", "12 km/h"),
    ("6 pints", "6 quarts"), ("3 ft 4 in", "3 ft 5 in"),
    ("1 hour 20 minutes", "1 hour 30 minutes"), ("20°C", "20°F"), ("5 cents", "5 dollars"),
    ("7 dozen", "7"), ("6 ft", "6 in"), ("8 radians", "8 degrees"), ("27", "28"), ("２７", "72"),
    ("二十七", "二十八"), ("٢٧", "٢٨"), ("é", "e"), ("й", "и"), ("mañana", "manana"),
    ("Москва", "Минск"), ("东京", "北京"), ("[7, 8, 9]", "[7, 9, 8]"), ("[7, 8]", "[7, 8, 9]"),
    ("[[1,2],[3]]", "[[1],[2,3]]"), ("red, blue", "blue, red"), ("['ab', 'c']", "['a', 'bc']"),
    ("[1, 23]", "[12, 3]"), ("1 2\n3 4", "1 2 3 4"), ("1 2\n3 4", "3 4\n1 2"),
    ("X O\nO X", "X O\nX O"), ("{\"x\": 1}", "{\"x\": \"1\"}"), ("{\"x\": 1}", "{\"y\": 1}"),
    ("{\"x\": [1, 2]}", "{\"x\": [2, 1]}"), ("{\"a\": {\"b\": 1}}", "{\"a\": 1, \"b\": 1}"),
    ("[2, 5]", "(2, 5)"), ("(2, 5]", "[2, 5)"), ("(-∞, 3)", "(3, ∞)"), ("(-∞, 3)", "(-∞, 3]"),
    ("[1,2]∪[4,5]", "[1,2]∪[4,6]"), ("[1,2]∪[4,5]", "[4,5]"), ("3/7", "7/3"), ("3/7", "3"),
    ("3/7", "0.43"), ("2 3/4", "23/4"), ("\\frac{1}{3}", "0.33"), ("-5/9", "5/9"),
    ("1/2 x", "1/(2x)"), ("June 7, 2019", "July 7, 2019"), ("June 7, 2019", "June 8, 2019"),
    ("June 7", "June 7, 2019"), ("2019-06-07", "2019-07-06"), ("4:45 PM", "4:45 AM"),
    ("4:45", "45:4"), ("07:05:30", "07:05:31"), ("10:30", "30"), ("1 day, 2:00:00", "2:00:00"),
    ("Thursday", "Tuesday"), ("3:2", "2:3"),
    ("The meeting is at 3:15.", "The meeting is at 4:15."), ("2 days, 3:00", "3 days, 3:00"),
    ("$3.50", "$3.05"), ("$1,250", "$1.25"), ("-$20", "$20"), ("$20 and $30", "$30"),
    ("2 million", "2 billion"), ("1,234.5", "12,345"), ("123,456", "123"), ("3x+6", "3x-6"),
    ("3x+6", "3x"), ("3x", "x^3"), ("xy", "x+y"), ("x^2", "2x"), ("a-b", "b-a"),
    ("\\sqrt{5}", "5"), ("\\sqrt[3]{5}", "\\sqrt{5}"), ("\\frac{1}{x}", "x"), ("2^x", "x^2"),
    ("e^x", "e"), ("3\\pi", "3"), ("\\pi", "3.14"), ("\\sin x", "\\cos x"), ("i", "1"),
    ("-i", "i"), ("f(x)=2x", "f(x)=3x"), ("|x|", "x"), ("x'", "x"), ("\\vec{a}", "\\vec{b}"),
    ("n!", "n"), ("x_2", "2x"), ("10^6", "10^{-6}"), ("1e5", "1e6"), ("CO2", "CO"), ("Na+", "Na"),
    ("A∪B", "A∩B"), ("x>=2", "x>2"), ("x<=2", "x>=2"), ("1<x<3", "1<x<4"), ("x=2 or x=3", "x=2"),
    ("x=2", "y=2 or x=2"), ("x=1, y=2", "x=2, y=1"), ("\\pm 4", "-4"), ("±4", "4"),
    ("7 or 8", "8"), ("between 3 and 5", "5"), ("at most 6", "6"), ("less than 6", "6"),
    ("not 6", "6"), ("6 more", "no more than 6"), ("5 remainder 2", "5"), ("5 R 2", "2"),
    ("12 squared", "12"), ("half of 12", "12"), ("Yes", "No"), ("true", "false"),
    ("Yes, 4 of them.", "No, 4 of them."), ("knight", "knave"),
    ("Ann is a knight, and Bo is a knave.", "Ann is a knave, and Bo is a knight."),
    ("one third", "one"), ("forty", "fourteen"), ("none", "one"), ("two hundred", "two"),
    ("99999999999999999999", "99999999999999999998"), ("1000000.1", "1000000"), ("(3, 4)", "34"),
    ("3,4", "3.4"), ("f(2)=5", "f(3)=5"), ("5 of 8", "8"), ("Step 3", "3"),
    ("page 12", "12 pages of 30"), ("The ratio is 3:5.", "The ratio is 5:3."), ("3 + 4 = 8", "7"),
    ("Room 12B", "Room 12A"), ("5%", "0.5%"), ("1,2,3", "123"), ("0.5", "5"), ("005", "500"),
    ("5-3", "53"), ("\\$5", "\\$50"), ("\\boxed{4} or \\boxed{6}", "\\boxed{6}"),
    ("\\frac{a}{b}", "\\frac{b}{a}"), ("a/b/c", "a/(b/c)"),
    ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}"),
]  # fmt: skip


def key(answer: str, query: str = QUERY) -> str | None:
    return conclusion_key(query, "", answer, "math")


@pytest.mark.parametrize(
    ("query", "same"), [*((QUERY, same) for same in SAME), *SAID], ids=lambda part: part[0][:20]
)
def test_the_same_value(query: str, same: list[str]) -> None:
    keys = {answer: key(answer, query) for answer in same}
    assert None not in keys.values()
    assert len(set(keys.values())) == 1, keys


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_another_value(one: str, other: str) -> None:
    assert key(one) != key(other) or key(one) is None
    assert key(f"The answer is {one}") != key(f"The answer is {other}")
    assert key(f"\\boxed{{{one}}}") != key(f"\\boxed{{{other}}}")


def test_the_rest_of_a_step_is_no_value() -> None:
    for answer in ("2. The denominator", "Finally, step 4 and add", "\\sec^2 x", "In the 5th"):
        found = key(answer)
        assert found is not None
        assert not found.startswith("value:")
