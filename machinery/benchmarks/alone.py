"""Reads a folder of pets into a cache, as notebook 9.2 does, in a process of its own; prints how many there are."""

import sys

from helpers.pets import list_pets, load_pets

if __name__ == "__main__":
    folder, size, cache = sys.argv[1:]
    print(len(load_pets(*list_pets(folder), int(size), cache=cache)[0]))
