"""Parts of a memory for people who look at it: bounded reads that do not wait long."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
