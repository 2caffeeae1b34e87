from .ray_memory import RayMemory as RayMemory
