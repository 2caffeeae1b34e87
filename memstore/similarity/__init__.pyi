from .hnsw_index import drop_indexes as drop_indexes
from .hnsw_index import keep_index as keep_index
from .neighbours import copy_edges as copy_edges
from .neighbours import nearest as nearest
from .neighbours import nearest_to_vector as nearest_to_vector
from .vector_cache import QueryVectors as QueryVectors
from .vector_cache import query_vectors as query_vectors
