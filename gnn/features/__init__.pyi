from .assembly import OWN_NAMES as OWN_NAMES
from .assembly import RolloutFeatures as RolloutFeatures
from .assembly import group_means as group_means
from .assembly import rollout_features as rollout_features
from .cache import KeptFeatures as KeptFeatures
from .length import log_length as log_length
from .question_kind import rollout_kinds as rollout_kinds
from .worker import OwnProcess as OwnProcess
