"""`python -m pipeline` is `pouch`."""

from pipeline.cli import main

if __name__ == "__main__":
    main()
