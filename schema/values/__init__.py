"""Values in answers: numbers, measures, lists, relations; where they are, in any dress."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
