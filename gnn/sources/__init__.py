"""How far each source of verified rewards is believed: who contradicts what the others know."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
