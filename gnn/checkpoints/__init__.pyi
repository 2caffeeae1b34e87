from .checkpoint import Manifest as Manifest
from .checkpoint import load_caution as load_caution
from .checkpoint import load_checkpoint as load_checkpoint
from .checkpoint import load_training as load_training
from .checkpoint import read_manifest as read_manifest
from .checkpoint import save_checkpoint as save_checkpoint
from .loaded_model import LoadedModel as LoadedModel
from .loaded_model import unasked as unasked
