"""`python -m resnet_core`: see resnet_core.cli."""

import sys

try:
    from .cli import main

    sys.exit(main())
except KeyboardInterrupt:  # while it was still being imported
    sys.exit(130)
