"""The graph as HeteroData, and PyG loaders and samplers over the snapshot."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
