from .choice import choose_calls as choose_calls
from .groups import settled_by as settled_by
from .revision import beliefs as beliefs
from .revision import closed_by_domain as closed_by_domain
from .revision import counted as counted
from .revision import pooled as pooled
from .strategies import STRATEGIES as STRATEGIES
from .strategies import Strategy as Strategy
