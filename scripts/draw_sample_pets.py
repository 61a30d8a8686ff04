#!/usr/bin/env python3
"""Draw the sample pets: the same as `python -m sample_pets`."""

from sample_pets.__main__ import main

if __name__ == "__main__":
    main()
