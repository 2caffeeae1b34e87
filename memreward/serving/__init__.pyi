from .learning import LearningScorer as LearningScorer
from .run import open_served as open_served
from .run import serve_memory as serve_memory
from .run import token_of as token_of
