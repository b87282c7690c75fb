"""Pages: each module here that has a blueprint named `bp` is part of the site."""

import pkgutil
from importlib import import_module

from flask import Flask


def register_pages(app: Flask) -> None:
    """Register the blueprint of every module of this package."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        blueprint = getattr(import_module(module.name), "bp", None)
        if blueprint is not None:
            app.register_blueprint(blueprint)
