from .attribution import TITLES as TITLES
from .attribution import Contribution as Contribution
from .attribution import Explanation as Explanation
from .attribution import explain as explain
from .html_page import explanation_page as explanation_page
from .influence import Influence as Influence
from .influence import influences as influences
