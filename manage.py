#!/usr/bin/env python
"""Django's command line; the monolith's settings unless DJANGO_SETTINGS_MODULE names another module."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nexus.settings.monolith")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
