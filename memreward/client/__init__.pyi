from .http import ask as ask
from .http import is_training as is_training
from .http import plan_calls as plan_calls
