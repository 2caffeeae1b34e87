from .http import ask as ask
from .http import is_training as is_training
