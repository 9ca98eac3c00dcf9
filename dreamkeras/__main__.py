"""Runs the command line: `python -m dreamkeras`."""

from dreamkeras.cli.main import main  # noqa: TID251  # the only module of the library that runs the command line

if __name__ == "__main__":
    main()
