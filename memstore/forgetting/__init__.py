"""Forgetting: what no reward is made of goes, and the rollouts stay as evidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
