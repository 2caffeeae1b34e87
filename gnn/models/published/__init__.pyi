from .model import PublishedModel as PublishedModel
from .network import EDGE_TYPES as EDGE_TYPES
from .network import PublishedNet as PublishedNet
from .numbers import NUMBER_FEATURES as NUMBER_FEATURES
from .numbers import number_features as number_features
