"""Training runs: by GRPO, from samples that were drawn once, and arms against one another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
