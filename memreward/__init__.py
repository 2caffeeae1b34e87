"""memreward's front door: the command line, and `memreward.Memory` for trainers."""

import lazy_loader

from .shadowing import refuse_shadowed

refuse_shadowed()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
