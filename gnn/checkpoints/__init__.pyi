from .finding import find_checkpoint as find_checkpoint
from .finding import latest_checkpoint as latest_checkpoint
from .loading import LoadedModel as LoadedModel
from .loading import load_checkpoint as load_checkpoint
from .loading import load_training as load_training
from .manifest import Manifest as Manifest
from .manifest import read_manifest as read_manifest
from .saving import save_checkpoint as save_checkpoint
