"""Drawings of paths."""

from gnn.explain.attribution import Contribution, Sender
from memreward.look.drawing.path import BOX, COLUMN, IN_BOX, MOST_BOXES, ROW, path_of


def part(*senders: tuple[str, str, float]) -> Contribution:
    return Contribution(
        kind="neighbour",
        logit=0.0,
        probability=sum(moved for _, _, moved in senders),
        logit_without=0.0,
        probability_without=0.0,
        senders=tuple(
            Sender(
                rollout_id=str(number),
                reward=None,
                answer=answer,
                policy=policy,
                logit=0.0,
                probability=moved,
            )
            for number, (answer, policy, moved) in enumerate(senders)
        ),
    )


def test_equal_answers_and_policies_are_one_box_each() -> None:
    path = path_of(part(("5", "a", 0.1), ("5", "b", 0.1), ("6", "a", -0.3)), "2 + 3?", "1 + 4?")
    assert [box.text for box in path.boxes] == ["2 + 3?", "1 + 4?", "6", "5", "a", "b"]
    assert {box.x for box in path.boxes} == {0, COLUMN, 2 * COLUMN, 3 * COLUMN}
    assert (path.width, path.height) == (3 * COLUMN + BOX, 2 * ROW)
    assert len(path.lines) == 1 + 2 + 3
    (down,) = [line for line in path.lines if line.x == COLUMN + BOX and not line.up]
    assert down.width == 12.0 and (down.to_x, down.to_y) == (2 * COLUMN, ROW // 2)


def test_an_input_of_the_rollout_itself_has_two_boxes() -> None:
    path = path_of(part(), "q" * 100, "the rollout itself")
    assert [len(box.text) for box in path.boxes] == [IN_BOX, 18]
    assert path.width == COLUMN + BOX and len(path.lines) == 1 and path.lines[0].width == 1.0


def test_few_boxes_of_many() -> None:
    path = path_of(part(*((str(n), f"p{n}", n / 100) for n in range(50))), "q", "n")
    assert path.height == MOST_BOXES * ROW and len(path.boxes) == 2 + 2 * MOST_BOXES
    assert "49" in [box.text for box in path.boxes]
    assert all(0 < line.width <= ROW for line in path.lines)
