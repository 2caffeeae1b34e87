"""The published MemReward model (arXiv 2603.19310), as a baseline."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
