from .kept_scores import keep_scores as keep_scores
from .planned_calls import PlannedCalls as PlannedCalls
from .queue import ScoringQueue as ScoringQueue
from .row_reader import RowReader as RowReader
from .sample_numbers import FreshPlaces as FreshPlaces
from .sendable import Row as Row
from .sendable import in_place as in_place
from .sendable import said as said
