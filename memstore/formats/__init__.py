"""Input files: rows of JSON Lines and Parquet read as rollouts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
