"""What we use of PyTorch Geometric, imported without the warnings of its own imports."""

import warnings

with warnings.catch_warnings():
    # PyG 2.8 compiles a class by torch.jit.script when it is imported; torch 2.13 deprecates that.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)
    from torch_geometric.data import Batch as HeteroBatch
    from torch_geometric.data import EdgeAttr, FeatureStore, GraphStore, HeteroData, TensorAttr
    from torch_geometric.data.graph_store import EdgeLayout
    from torch_geometric.loader import NodeLoader, PrefetchLoader
    from torch_geometric.nn import GATv2Conv, HeteroConv
    from torch_geometric.sampler import BaseSampler, HeteroSamplerOutput, NodeSamplerInput
    from torch_geometric.utils import softmax

__all__ = [
    "BaseSampler",
    "EdgeAttr",
    "EdgeLayout",
    "FeatureStore",
    "GATv2Conv",
    "GraphStore",
    "HeteroBatch",
    "HeteroConv",
    "HeteroData",
    "HeteroSamplerOutput",
    "NodeLoader",
    "NodeSamplerInput",
    "PrefetchLoader",
    "TensorAttr",
    "softmax",
]
