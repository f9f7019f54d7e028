"""``python -m surgecast``: the same as the ``surgecast`` command."""

from surgecast.cli import main

main()
