"""Cats and dogs drawn by code: data without downloads or licences, the same pixels everywhere.

`draw_pet` draws one picture with its masks, `draw_head` one of a head alone, `draw_pair` one with two animals or two
heads; `write_sample_pets` a whole data set in the layout of Oxford-IIIT Pet or of Dogs vs. Cats. Cats and dogs differ
in shape alone; coats, places and light come from the same distributions.
"""

from .animals import PARTS
from .drawing import BREEDS, PORTRAITS, Drawing, draw_head, draw_pair, draw_pet
from .writing import write_sample_pets

__all__ = ["BREEDS", "PARTS", "PORTRAITS", "Drawing", "draw_head", "draw_pair", "draw_pet", "write_sample_pets"]
