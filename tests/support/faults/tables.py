"""All planted faults, in the order of the printed table."""

from . import architectures, helpers, interpreting, kernels, segmentation, sound, stored

FAST = [*stored.MUTANTS, *kernels.MUTANTS]  # part of every `make test`
MUTANTS = [
    *FAST,
    *segmentation.MUTANTS,
    *architectures.MUTANTS,
    *interpreting.MUTANTS,
    *helpers.MUTANTS,
    *sound.MUTANTS,
]
