"""How fast it is and whether it keeps its promises, measured on this machine."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
