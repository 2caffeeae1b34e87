"""How options reach a command: several in one dataclass, shares of labels as text."""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from schema.errors import InputError

#: What a parameter without a default has for one.
REQUIRED = inspect.Parameter.empty


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command that takes a dataclass have each of its fields as an option.

    The fields are annotated as typer wants it; several commands can so share their options.
    """
    hints = get_type_hints(command, include_extras=True)
    name = next(name for name, hint in hints.items() if dataclasses.is_dataclass(hint))
    shared: Any = hints[name]
    fields = get_type_hints(shared, include_extras=True)
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty
            if field.default is dataclasses.MISSING
            else field.default,
            annotation=fields[field.name],
        )
        for field in dataclasses.fields(shared)
    ]
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != name
    ]

    @wraps(command)
    def called(**values: Any) -> None:
        given = {field: values.pop(field) for field in fields}
        command(**{name: shared(**given)}, **values)

    called.__signature__ = inspect.Signature([*own, *options])  # pyright: ignore
    called.__annotations__ = {option.name: option.annotation for option in [*own, *options]}
    return called


def label_shares(text: str, *, option: str = "--labels") -> list[float]:
    """Shares by commas, such as `0.2,0.7`.

    Args:
        text: what was given.
        option: what it was given for, as messages name it.

    Raises:
        InputError: if one is no number above 0 and at most 1, or there is none.
    """
    try:
        shares = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(f"{option} {text}: give shares, as in 0.2 or 0.05,0.2,0.5") from error
    if not shares or not all(0 < share <= 1 for share in shares):
        raise InputError(
            f"{option} {text}: give shares above 0 and at most 1, such as 0.2 for a fifth"
        )
    return shares
