"""Containers that rows come in, other than plain files: compressed streams, documents, folders."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
