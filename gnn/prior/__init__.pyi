from .fitting import PriorConfig as PriorConfig
from .fitting import fit_priors as fit_priors
from .packaged import PACKAGED as PACKAGED
from .packaged import prior_for as prior_for
from .priors import Priors as Priors
from .priors import prior_from as prior_from
from .priors import prior_tensors as prior_tensors
