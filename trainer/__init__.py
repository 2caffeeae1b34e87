"""What an RL trainer needs: tasks, policies, verifiers, label budget, reward function, GRPO."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
