from .constant_majority_knn import ConstantModel as ConstantModel
from .constant_majority_knn import MajorityModel as MajorityModel
from .constant_majority_knn import NearestModel as NearestModel
from .logistic import LogisticModel as LogisticModel
from .logistic_features import answer_is_majority as answer_is_majority
from .reliability import ReliabilityModel as ReliabilityModel
from .votes_rule import RuleModel as RuleModel
from .votes_rule import VotesModel as VotesModel
