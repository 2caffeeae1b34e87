"""What the memory knows of a rollout: who said it, who agrees, what was verified on its query."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
