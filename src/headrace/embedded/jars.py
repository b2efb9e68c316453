"""The jars that a Kafka broker is made of, copied once from Maven's repository into a cache."""

import fcntl
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from headrace.embedded.errors import EmbeddedKafkaError
from headrace.telemetry import log

POM: Final = "kafka-pom.xml"
PATIENCE_S: Final = 900
_VERSION: Final = re.compile(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)</version>")


@dataclass(frozen=True, slots=True)
class Jars:
    """Kafka's jars in one folder, and the Java that runs them."""

    folder: Path
    version: str
    java: str

    @property
    def class_path(self) -> str:
        """Return what Java is told of them."""
        return f"{self.folder}/*"


def jars_in(cache: Path | None) -> Jars:
    """Return the jars, fetching them where the cache does not have them yet: some 45 MB, once.

    Blocks; several processes may call it at once, and one of them fetches. Raises ``EmbeddedKafkaError``, also where there is
    no Java or no Maven, with the words that say how to get them.
    """
    java = shutil.which("java")
    if java is None:
        raise EmbeddedKafkaError("Kafka needs Java 17 or later: apt-get install default-jre-headless (on Debian), then again")
    pom = files(__package__).joinpath(POM).read_text(encoding="utf-8")
    found = _VERSION.search(pom)
    if found is None:
        raise LookupError(f"{POM} does not name Kafka's version")
    folder = (cache or Path.home() / ".cache/headrace/kafka") / found[1]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.exists():
            with (folder.parent / "fetching.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not folder.exists():
                    _fetch(folder, pom)
    except OSError as error:
        raise EmbeddedKafkaError(f"Kafka's jars cannot be kept in {folder}: {error}; set HEADRACE_KAFKA_CACHE") from error
    return Jars(folder, found[1], java)


def _fetch(folder: Path, pom: str) -> None:
    """Let Maven copy the jars beside the folder and rename them into place: all of them or none."""
    maven = shutil.which("mvn")
    if maven is None:
        raise EmbeddedKafkaError("Kafka's jars are fetched by Maven: apt-get install maven (on Debian), then again")
    log.info("kafka_fetched", message=f"Maven fetches Apache Kafka into {folder}, once")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as name:
        making = Path(name)
        (making / "pom.xml").write_text(pom, encoding="utf-8")
        done = subprocess.run(
            [
                maven,
                "--batch-mode",
                "--quiet",
                "--strict-checksums",
                f"--file={making / 'pom.xml'}",
                "dependency:copy-dependencies",
                f"-DoutputDirectory={making / 'jars'}",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line] or ["it does not say why"]
            raise EmbeddedKafkaError(f"Maven cannot fetch Kafka: {lines[0].strip()}")
        (making / "jars").rename(folder)
