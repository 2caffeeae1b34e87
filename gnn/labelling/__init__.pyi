from .label_errors import Suspect as Suspect
from .label_errors import contradiction as contradiction
from .label_errors import predict_unseen as predict_unseen
from .label_errors import suspects as suspects
from .suggest import suggest_queries as suggest_queries
