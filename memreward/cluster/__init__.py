"""A memory as actors of Ray, for trainers that run there (the extra `memreward[ray]`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
