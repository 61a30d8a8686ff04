"""Reads a folder of pets into a cache, as notebook 9.2 does, in a process of its own."""

import sys

from helpers.pets import list_pets, load_pets

if __name__ == "__main__":
    folder, size, cache = sys.argv[1:]
    load_pets(*list_pets(folder), int(size), cache=cache)
