from .from_memory import DatasetRequest as DatasetRequest
from .from_memory import write_dataset as write_dataset
from .selection import Kind as Kind
from .selection import Selection as Selection
