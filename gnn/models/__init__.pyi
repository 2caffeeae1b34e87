from .prior_model import PriorModel as PriorModel
from .registry import REWARD_MODELS as REWARD_MODELS
from .registry import reward_model as reward_model
