"""`make bench`: every benchmark, one after the other, so that none disturbs another."""

import importlib
import pkgutil

import tests.bench
from tests.bench.table import show


def main() -> None:
    """Run every `bench_*` module of this folder and print its table."""
    for module in pkgutil.iter_modules(tests.bench.__path__):
        if module.name.startswith("bench_"):
            found = importlib.import_module(f"tests.bench.{module.name}")
            show(module.name.removeprefix("bench_").capitalize(), found.run())


if __name__ == "__main__":
    main()
