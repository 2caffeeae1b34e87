from .environment import ask as ask
from .environment import is_training as is_training
from .environment import plan_calls as plan_calls
