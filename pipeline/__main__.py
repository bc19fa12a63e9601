"""`python -m pipeline` is `pouch`."""

import gc

from pipeline.engines.native import settle_native_libraries


def main() -> None:
    """Settle native libraries, then load them and run the command line."""
    settle_native_libraries()
    gc.set_threshold(1_000_000)  # what is imported stays: looking for garbage in it takes 0.03 s
    from pipeline.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
