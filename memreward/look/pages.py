"""Templates to pages. Every value is shown as text: escaped, and without what would steer it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from memreward.base import visible


def address(path: str, **values: object) -> str:
    """The address of a view; what is None is left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return f"/{path}?{urlencode(given)}" if given else f"/{path}"


def _shown(value: Any) -> Any:
    """What a template prints: marks of direction and control characters become visible."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def _share(value: float | None) -> str:
    """`.61`; a dash where there is nothing."""
    if value is None:
        return "-"
    return f"{value:.2f}".removeprefix("0")


def _time(value: datetime) -> str:
    """To the second, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _counted(number: int, what: str) -> str:
    """`1 rollout`, `3,152 rollouts`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("memreward.look", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "share": _share,
    "time": _time,
    "thousands": lambda n: f"{n:,}",
    "counted": _counted,
}
_ENVIRONMENT.globals["address"] = address


def page(name: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A template with its values."""
    return HTMLResponse(_ENVIRONMENT.get_template(name).render(values), status)
