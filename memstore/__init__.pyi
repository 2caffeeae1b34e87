from .atomic_file import replacing as replacing
from .atomic_file import write_atomically as write_atomically
from .child_process import python_path as python_path
from .home_names import HomeName as HomeName
from .settings import Settings as Settings
from .settings import load_settings as load_settings
from .settings import redact_dsn as redact_dsn
from .settings import redacted as redacted
