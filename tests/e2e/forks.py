"""Processes of ours that start quickly: forked off one in which everything is imported already."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from earlywatch.cli import main
from earlywatch.config import replace_environment
from earlywatch.supervisor.up import PRELOADED


def fork(environment: Mapping[str, str], log: Path, *words: str) -> BaseProcess:
    """Run an `earlywatch` command that ends when it is told to; what it says goes to `log`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *PRELOADED])
    process = context.Process(target=_run, args=(dict(environment), log, words), daemon=True)
    process.start()
    return process


def _run(environment: Mapping[str, str], log: Path, words: tuple[str, ...]) -> None:
    with log.open("ab") as said:
        os.dup2(said.fileno(), sys.stdout.fileno())
        os.dup2(said.fileno(), sys.stderr.fileno())
    replace_environment(environment)
    main(words)
