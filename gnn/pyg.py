"""What we use of PyTorch Geometric, imported without the warnings of its own imports."""

import warnings

with warnings.catch_warnings():
    # PyG 2.8 compiles a class by torch.jit.script when it is imported; torch 2.13 deprecates that.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)
    from torch_geometric.data import HeteroData
    from torch_geometric.nn import GATv2Conv, HeteroConv
    from torch_geometric.utils import softmax

__all__ = ["GATv2Conv", "HeteroConv", "HeteroData", "softmax"]
