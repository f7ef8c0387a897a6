"""``python -m quartapp.cli``: the ``quartapp`` command."""

import sys

from quartapp.cli.main import main

sys.exit(main())
