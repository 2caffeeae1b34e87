"""The snapshot from which a memory is read fast: columns, adjacency, subgraphs."""
