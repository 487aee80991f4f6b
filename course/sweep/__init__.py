"""Many trainings of one script: the file, the trials, the search, and what is shown of them."""
