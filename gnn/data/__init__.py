"""The graph as HeteroData, and PyG loaders and samplers over the snapshot."""
