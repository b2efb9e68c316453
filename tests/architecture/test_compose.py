"""compose.yaml names only what there is. It is not started here: that needs Docker."""

import unittest
from typing import Any

import yaml

from headrace import config
from headrace.cli import COMMANDS
from tests.architecture.sources import ROOT


class TheComposeFile(unittest.TestCase):
    """Kafka, Postgres, API and workers."""

    def setUp(self) -> None:
        """Read it as Docker does."""
        self.file: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
        self.services: dict[str, dict[str, Any]] = self.file["services"]

    def test_it_offers_kafka_postgres_the_api_and_workers(self) -> None:
        """Servers from their official images, ours from our Dockerfile, with commands that exist."""
        self.assertEqual(set(self.services), {"kafka", "postgres", "api", "worker"})
        for name in ("api", "worker"):
            self.assertEqual(self.services[name]["command"], [name])
            self.assertIn(name, COMMANDS)
            self.assertEqual(self.services[name]["build"], ".")

    def test_its_settings_are_settings_and_name_its_own_services(self) -> None:
        """They are read as a process would read them, and the addresses are those of the other services."""
        known = {setting.name for setting in config.SETTINGS}
        for name in ("api", "worker"):
            given = self.services[name]["environment"]
            self.assertTrue(all(isinstance(value, str) for value in given.values()), given)
            self.assertLessEqual(set(given), known)
            settings = config.read(given)
            self.assertEqual(settings.log.kafka_bootstrap, "kafka:9092")
            self.assertIn("@postgres:5432/", settings.database.url or "")
        postgres = self.services["postgres"]["environment"]
        ours = (
            f"postgresql://{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}@postgres:5432/{postgres['POSTGRES_DB']}"
        )
        self.assertEqual(self.services["api"]["environment"]["DATABASE_URL"], ours)

    def test_the_open_console_is_reached_from_this_machine_alone(self) -> None:
        """A container cannot tell its own machine from others, so the published port does."""
        api = self.services["api"]
        self.assertTrue(config.read(api["environment"]).console.open)
        self.assertTrue(all(port.startswith("127.0.0.1:") for port in api["ports"]), api["ports"])

    def test_kafka_is_the_version_that_the_tests_run_on(self) -> None:
        """One version is named, in two places."""
        pom = (ROOT / "src/headrace/embedded/kafka-pom.xml").read_text(encoding="utf-8")
        self.assertIn(f"<version>{self.services['kafka']['image'].partition(':')[2]}</version>", pom)

    def test_every_volume_is_declared_and_what_the_image_copies_is_there(self) -> None:
        """Nothing is mounted or copied that does not exist."""
        used = {mount.partition(":")[0] for service in self.services.values() for mount in service.get("volumes", [])}
        self.assertEqual(used, set(self.file["volumes"]))
        copied = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
        missing = [name for names in copied for name in names if not (ROOT / name).exists()]
        self.assertEqual(missing, [])
