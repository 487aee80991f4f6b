"""Pictures of the learner's own: opened without trusting them, and folders of them as data."""
