from .pool import Verifiers as Verifiers
