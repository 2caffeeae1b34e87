"""Which rollout to verify next, and what a bought verdict says of the rollouts around it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
