from .request import Looked as Looked
from .serve import serve_pages as serve_pages
