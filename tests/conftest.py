"""For every test: examples that hypothesis makes may take their time on a busy machine, and are the same ones in CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("surgecast", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("surgecast")
