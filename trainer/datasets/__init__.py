"""Data sets to train on, chosen from a memory by its verified and propagated rewards."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
