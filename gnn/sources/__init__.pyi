from .statements import Statements as Statements
from .statements import taken_over as taken_over
from .trust import SourceTrust as SourceTrust
from .trusted_source import TrustedSource as TrustedSource
from .trusted_source import Verdict as Verdict
