from .choice import choose_calls as choose_calls
from .groups import settled_by as settled_by
from .revision import beliefs as beliefs
