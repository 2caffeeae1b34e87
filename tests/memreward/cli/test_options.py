import pytest

from memreward.cli.options import label_shares
from schema.errors import InputError


def test_shares_by_commas() -> None:
    assert label_shares("0.2") == [0.2]
    assert label_shares("0.05, 1,") == [0.05, 1.0]


@pytest.mark.parametrize("text", ["", ",", "0", "1.5", "-0.2", "0.2,nan", "a", "0.2;0.3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="give shares"):
        label_shares(text)
