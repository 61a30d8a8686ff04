"""What brings the book's data here: described in a registry, resumed, verified, unpacked, and nothing twice."""
