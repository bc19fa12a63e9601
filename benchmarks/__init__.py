"""Side-by-side measurements against named peers; never timed tests."""
