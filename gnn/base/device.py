"""Where models compute."""

import torch


def best_device() -> torch.device:
    """A GPU where there is one; CUDA_VISIBLE_DEVICES tells which, and empty: none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
