"""What every HTTP server of memreward shares: its socket, and its life until a signal."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
