from .from_memory import DatasetRequest as DatasetRequest
from .from_memory import write_dataset as write_dataset
from .from_samples import sample_rows as sample_rows
from .selection import RIGHT_FROM as RIGHT_FROM
from .selection import Kind as Kind
from .selection import Selection as Selection
