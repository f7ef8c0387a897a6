"""``python -m quartapp.cli``: the ``quartapp`` command."""

from quartapp.cli.main import main

main()
