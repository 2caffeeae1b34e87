"""What pages show as pictures or marked texts; nothing here reads a memory."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
