"""The challenge: levels, what an attempt does, the rules it is held against, grade and progress."""
