"""`python -m rung`: the command line, where its script is not on the path."""

from rung.cli import main

if __name__ == "__main__":
    main()
