from .check import check_memory as check_memory
from .report import CheckReport as CheckReport
