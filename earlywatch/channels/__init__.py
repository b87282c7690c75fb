"""One module per kind of channel. Adding a kind: a module here, its form template, its test."""

import importlib
import pkgutil

# Each module registers its kind when it is imported, so that no list needs editing.
for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
