"""A member of the default model: what it looks at, its linear base, its network, its losses."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
