"""All planted faults, in the order of the printed table."""

from . import architectures, helpers, interpreting, kernels, segmentation, sound, stored

MUTANTS = [
    *stored.MUTANTS,
    *kernels.MUTANTS,
    *segmentation.MUTANTS,
    *architectures.MUTANTS,
    *interpreting.MUTANTS,
    *helpers.MUTANTS,
    *sound.MUTANTS,
]
