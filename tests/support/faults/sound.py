"""What must pass: nothing is planted, or no fault."""

from .architectures import ARCHITECTURES
from .engine import Mutant
from .interpreting import APPENDIX, INTERPRETING
from .planting import in_cell

ALL_OF_9_3 = (f"notebooks/{ARCHITECTURES}.ipynb",)
ALL_OF_9_4 = (f"notebooks/{INTERPRETING}.ipynb",)
ALL_OF_9_5 = (f"notebooks/{APPENDIX}.ipynb",)


def nothing(project):
    """Leave the project as it is."""


MUTANTS = [
    Mutant("sound", nothing, None),
    Mutant(
        "metric off within its tolerance",
        in_cell("def segmentation_scores", "float(np.nanmean(iou))", "1.0005 * float(np.nanmean(iou))"),
        None,
    ),
    # Other processors round differently, and training carries that far: here vector instructions of older ones,
    # then convolutions of another library.
    Mutant("another processor", nothing, None, environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution", nothing, None, environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Mutant("another processor, 9.3", nothing, None, ALL_OF_9_3, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution, 9.3", nothing, None, ALL_OF_9_3, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Mutant("another processor, 9.4", nothing, None, ALL_OF_9_4, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution, 9.4", nothing, None, ALL_OF_9_4, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
    Mutant("another processor, 9.5", nothing, None, ALL_OF_9_5, {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    Mutant("another convolution, 9.5", nothing, None, ALL_OF_9_5, {"TF_ENABLE_ONEDNN_OPTS": "0"}),
]
