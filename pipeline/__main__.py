"""`python -m pipeline` is `pouch`."""

from pipeline.engines.native import settle_native_libraries


def main() -> None:
    """Settle native libraries, then load them and run the command line."""
    settle_native_libraries()
    from pipeline.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()
