from .check import check_memory as check_memory
