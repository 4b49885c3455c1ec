"""`python -m llm_manager`: the command line."""

import sys

from llm_manager.cli import main

if __name__ == "__main__":
    sys.exit(main())
