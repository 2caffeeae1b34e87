"""Judging programs: tests run in one process, the program in another, and only data cross."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
