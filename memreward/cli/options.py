"""Shares of labels as options give them."""

from schema.errors import InputError


def label_shares(text: str) -> list[float]:
    """Shares by commas, such as `0.2,0.7`.

    Raises:
        InputError: if one is no number above 0 and at most 1, or there is none.
    """
    try:
        shares = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(f"--labels {text}: give shares, as in 0.2 or 0.05,0.2,0.5") from error
    if not shares or not all(0 < share <= 1 for share in shares):
        raise InputError(f"--labels {text}: give shares above 0 and at most 1")
    return shares
