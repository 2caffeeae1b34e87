from .neutral import NEUTRAL as NEUTRAL
from .openrlhf import answer_of as answer_of
from .openrlhf import row_of as row_of
