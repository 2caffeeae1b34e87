from .policy import Policy as Policy
from .policy import load_policy as load_policy
from .sampling import Sampling as Sampling
from .sampling import sample as sample
from .signals import Signals as Signals
from .signals import completion_signals as completion_signals
