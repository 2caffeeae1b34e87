"""The style sheet that every page shares, those in a browser and those that are files."""

from functools import cache
from pathlib import Path


@cache
def page_style() -> str:
    """Colours for light and dark, type, tables; class `report` is for pages that are files."""
    return (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
