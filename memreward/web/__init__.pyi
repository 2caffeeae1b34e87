from .listener import listening as listening
from .until_stopped import STOP_SECONDS as STOP_SECONDS
from .until_stopped import run_until_stopped as run_until_stopped
