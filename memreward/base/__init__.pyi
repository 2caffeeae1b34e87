from .databases import connected as connected
from .databases import finish_what_was_cut_off as finish_what_was_cut_off
from .databases import started as started
from .progress import Bars as Bars
from .progress import bars as bars
from .terminal import console as console
from .terminal import err_console as err_console
