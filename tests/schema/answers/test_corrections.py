"""Choices with corrections and reasons, and texts that look like labels."""

import pytest

from schema.answers import chosen_option, options_of

PLANETS = options_of(
    "Which planet is the largest?\nA) Mars\nB) Venus\nC) Earth\nD) Jupiter\nE) Mercury"
)


@pytest.mark.parametrize(
    "answer",
    [
        "D) Jupiter", "d) jupiter", "The largest planet is Jupiter.", "It's Jupiter", "jupiter!",
        "Answer: (D) Jupiter", "The answer is: **D) Jupiter**", "\\(\\boxed{D}\\)",
        "\\boxed{\\text{D) Jupiter}}", "I think it's D",
        "D) Jupiter is the largest planet in the solar system.", "Option D is correct.", "(D)",
        "[D]", "D - Jupiter", "My final answer is (D).", "Final answer: D", "ANSWER: D",
        "**Answer**: D", "The correct choice would be D.", "So the answer would be D.",
        "The answer must be D.", "Jupiter (D)", "**Jupiter**", "<answer>Jupiter</answer>",
        "The best answer is D.", "D is the answer.", "D. Because Jupiter is huge.",
        "A, B, C and E are smaller, so the answer is D.",
        "I was going to say C, but the answer is D.",
        "Initially A seemed right; however, D is correct.", "Correction: the answer is D.",
        "The answer is C... no, D.", "Not C. D.", "{\"answer\": \"D\"}", "```\nD\n```",
        "Answer:D", "answer is d", "#### D", "The right option is letter D.", "The answer is D).",
        "Thus D.", "Hence, (D) is the correct answer.", "D\n",
        "\n\nD\n\nJupiter has 318 Earth masses.", "答案是 D", "故选D。",
        "Therefore the answer is option **D**.", "$\\textbf{(D)}$", "\\textbf{(D) } Jupiter",
        "D: Jupiter is right, A: Mars is wrong.",
    ],
)  # fmt: skip
def test_the_last_word_counts(answer: str) -> None:
    assert chosen_option(PLANETS, answer) == "D"


@pytest.mark.parametrize(
    "answer",
    [
        "Saturn", "F", "None", "I cannot tell.", "The answer is Pluto.", "Either A or B", "...",
        "?",
    ],
)  # fmt: skip
def test_what_chooses_nothing(answer: str) -> None:
    assert chosen_option(PLANETS, answer) is None


@pytest.mark.parametrize(
    ("query", "answers"),
    [
        (
            "Which planet is the largest?\nA) Mars\nB) Venus\nC) Earth\nD) Jupiter\nE) Mercury",
            {
                "E": "E", "Mercury": "E", "Earth": "C", "A": "A",
            },
        ),
        (
            "Which?\nA. -2\nB. 2\nC. 1/2\nD. -1/2",
            {
                "-2": "A", "0.5": "C", "The slope is -1/2.": "D", "So m = 2": "B",
            },
        ),
        (
            "Which of the following barks?\n1) cat\n2) dog\n3) cow",
            {
                "2": "2", "dog": "2", "The answer is 2) dog": "2",
            },
        ),
        (
            "Who wrote it?\nA. A. Smith\nB. B. Jones\nC. C. Brown",
            {
                "B. Jones": "B", "A. Smith": "A",
            },
        ),
        (
            "Which drink?\nA. a cup of tea\nB. I. V. fluid\nC. water",
            {
                "a cup of tea": "A",
            },
        ),
        (
            "Speed?\nA. 10 m/s\nB. 10 km/h\nC. 100 m/s\nD. 1 m/s",
            {
                "10 km/h": "B", "100 m/s": "C",
            },
        ),
        (
            "Pick\nA. x^2\nB. x^3\nC. 2x\nD. x",
            {
                "x^3": "B", "x": "D", "\\boxed{2x}": "C",
            },
        ),
        (
            "Time?\nA. 3:15\nB. 3:45\nC. 4:15",
            {
                "3:45": "B", "The time is 4:15.": "C",
            },
        ),
        (
            "Which?\nA. all of the above\nB. none",
            {
                "All of the above.": "A",
            },
        ),
        (
            "Cost?\nA. $5\nB. $50\nC. $500",
            {
                "$50": "B", "5 dollars": "A",
            },
        ),
        (
            "Which list?\nA. 1, 2, 3\nB. 3, 2, 1\nC. 2, 1, 3",
            {
                "3, 2, 1": "B",
            },
        ),
        (
            "Which?\nA. NaCl\nB. KCl\nC. CaCl2",
            {
                "CaCl2": "C",
            },
        ),
    ],
)  # fmt: skip
def test_what_looks_like_a_label(query: str, answers: dict[str, str]) -> None:
    options = options_of(query)
    assert {answer: chosen_option(options, answer) for answer in answers} == answers


@pytest.mark.parametrize(
    "answer", ["The force is $E_{21} = 2$.", "So the area is A = 3.", "is B^2"]
)
def test_a_quantity_is_no_letter(answer: str) -> None:
    assert chosen_option(PLANETS, answer) is None
