from .ablations import ABLATIONS as ABLATIONS
from .config import MemrewardConfig as MemrewardConfig
from .model import MemrewardModel as MemrewardModel
from .prepared import PreparedTraining as PreparedTraining
from .training_state import Course as Course
from .training_state import Note as Note
from .training_state import fingerprint as fingerprint
from .training_state import read_note as read_note
