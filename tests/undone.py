"""A database in which nothing stays."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.db import db


@contextmanager
def undone(app: Flask) -> Iterator[Session]:
    """Give a session whose commits are undone at the end."""
    with (
        app.app_context(),
        db.engine.connect() as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        outer = connection.begin()
        patch.setitem(db.engines, None, connection)  # stands in for the engine
        db.session.configure(join_transaction_mode="create_savepoint")
        yield db.session()
        db.session.remove()
        outer.rollback()
