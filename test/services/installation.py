"""Puts pinned servers on this machine with the ordinary package clients.

Each lies in a folder of its own, named with its version, below `services_home()`. A folder
that is there is complete: it is made beside its place and renamed, under a lock, so that
test runs may install at once.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"


class InstallError(Exception):
    """A server could not be installed; says which, the command and where its output is."""


def services_home():
    """$FLOE_SERVICES_HOME, or floe-services in the user's cache folder."""
    home = os.environ.get("FLOE_SERVICES_HOME")
    return pathlib.Path(home or pathlib.Path.home() / ".cache" / "floe-services").absolute()


@contextlib.contextmanager
def _locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def installed(name, version, fill):
    """The folder of a server, made by fill(folder) if it is not there."""
    home = services_home()
    place = home / f"{name}-{version}"
    if place.is_dir():
        return place
    with _locked(home / "locks" / name):
        if place.is_dir():
            return place
        unfinished = home / f"{name}-{version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        fill(unfinished)
        unfinished.rename(place)
    return place


def run(name, command, **options):
    """Runs an installer's command; its output goes to a log that an error names."""
    program = shutil.which(str(command[0]))
    if program is None:
        raise InstallError(
            f"{name} needs the program '{command[0]}', which is not in PATH; "
            "test/services/README.md says what to install"
        )
    log = services_home() / "logs" / f"install-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as output:
        print("$", *command, file=output, flush=True)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
            **options,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise InstallError(
            f"{name} could not be installed: {command[0]} ended with {done.returncode}; "
            f"its whole output is in {log}\n{tail}"
        )


def maven_artifact(name, coordinates, folder):
    """Copies GROUP:ARTIFACT:VERSION:TYPE[:CLASSIFIER] into the folder."""
    run(name, ["mvn", "-q", "-B", "-ntp", f"{MAVEN_PLUGIN}:copy",
               f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"])


def maven_libraries(name, pom, folder):
    """Copies the run-time class path of a pom.xml into folder/lib."""
    run(name, ["mvn", "-q", "-B", "-ntp", "-f", pom, f"{MAVEN_PLUGIN}:copy-dependencies",
               f"-DoutputDirectory={folder}/lib", "-DincludeScope=runtime"])


def java_classes(name, sources, class_path, folder):
    run(name, ["javac", "-nowarn", "-cp", class_path, "-d", f"{folder}/classes", *sources])


def go_program(name, package, version, folder):
    """Builds PACKAGE@VERSION; ten to fifteen minutes of a core when nothing is cached."""
    print(f"building {name} with Go, some minutes...", file=sys.stderr, flush=True)
    environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
    run(name, ["nice", "-n", "19", "go", "install", "-p", "2", "-ldflags", "-s -w",
               f"{package}@{version}"], env=environment)


def npm_package(name, package, folder):
    run(name, ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", package])


def python_packages(name, requirements, folder):
    """A virtual environment in folder/venv with the pinned packages."""
    venv = folder / "venv"
    uv = shutil.which("uv", path=str(pathlib.Path(sys.executable).parent)) or "uv"
    run(name, [sys.executable, "-m", "venv", "--without-pip", venv])
    run(name, [uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python",
               *requirements])
