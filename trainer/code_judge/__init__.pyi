from .input_output import Cases as Cases
from .input_output import cases_of as cases_of
from .input_output import same_output as same_output
from .program_starter import ProgramStarter as ProgramStarter
from .program_starter import Started as Started
from .test_run import judge as judge
