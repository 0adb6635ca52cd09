"""Run the evaluator: `python -m evaluator` is the service; `score FILE` and `bench FILE` are for people."""

import sys

from evaluator.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
