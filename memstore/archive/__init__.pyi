from .export import export_memory as export_memory
from .graph_rebuild import rebuild_graph as rebuild_graph
from .restore import import_memory as import_memory
from .tables import ArchiveManifest as ArchiveManifest
from .tables import read_manifest as read_manifest
