"""Listeners that ask who comes: passwords and certificates reach the broker, and wrong ones never reach a log."""

import asyncio
import subprocess
import unittest
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from headrace.embedded.ports import free_port
from headrace.errors import Unavailable
from headrace.log.kafka import KafkaLog, options
from headrace.log.memory import Memory
from headrace.log.port import Verdict
from headrace.log.settings import KafkaSettings, LogSettings
from tests.log.promises import record
from tests.support.kafka import discard, own_broker, ran

PASSWORD: Final = "a-word-that-nobody-guesses"  # noqa: S105 - for listeners of these tests alone
BY_NAME: Final = ("broker.address.family", "v4")
"""The broker listens on 127.0.0.1, which ``localhost`` may not be first."""


class AskingTestCase(unittest.IsolatedAsyncioTestCase):
    """A broker with a listener that asks, beside the one that does not."""

    async def asking(self, protocol: str, more: Mapping[str, str]) -> str:
        """Start it and return where the asking listener is; ``more`` is what is set for that."""
        ran(self.id())
        port = free_port(row=3)
        asking = port + 2
        broker = own_broker(
            port=port,
            more={
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1},ASKING://127.0.0.1:{asking}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},ASKING://localhost:{asking}",
                "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ASKING:{protocol}",
                **{f"listener.name.asking.{name}": value for name, value in more.items()},
            },
        )
        self.addCleanup(discard, broker)
        await asyncio.to_thread(broker.start)
        return f"localhost:{asking}"

    def log(self, bootstrap: str, kafka: KafkaSettings) -> KafkaLog:
        """Return a log that is not opened yet."""
        log = KafkaLog(LogSettings(kafka_bootstrap=bootstrap), kafka, Memory(), group_id="tests")
        self.addAsyncCleanup(log.close)
        return log


class Passwords(AskingTestCase):
    """SASL."""

    async def test_the_password_reaches_the_broker_and_a_wrong_one_never_reaches_a_log(self) -> None:
        """The right word opens, the wrong one is ``Unavailable`` and is told to nobody."""
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        word = f'{module} required user_ada="{PASSWORD}";'
        bootstrap = await self.asking("SASL_PLAINTEXT", {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": word})
        right = KafkaSettings(
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username="ada",
            sasl_password=PASSWORD,
            append_ms=15_000,
            options=(BY_NAME,),
        )
        self.assertNotIn(PASSWORD, repr(right))
        log = self.log(bootstrap, right)
        await log.open()
        self.assertEqual(await log.append([record()], atomic=True), [Verdict.OK])
        with self.assertRaises(Unavailable) as caught, self.assertLogs("headrace.kafka", "DEBUG") as said:
            await self.log(bootstrap, replace(right, sasl_password=PASSWORD + "-wrong")).open()
        self.assertNotIn(PASSWORD, str(caught.exception) + "".join(said.output))


class Certificates(AskingTestCase):
    """TLS, with a certificate on either side."""

    async def asyncSetUp(self) -> None:
        """Make a certificate for the broker and one for us, and have each trusted by the other alone."""
        await super().asyncSetUp()
        self.folder = Path(self.enterContext(TemporaryDirectory(dir="/tmp")))
        for name, alternative in (("broker", "dns:localhost,ip:127.0.0.1"), ("ours", "dns:headrace")):
            words = ("-genkeypair", "-keyalg", "EC", "-dname", f"CN={name}", "-ext", f"san={alternative}", "-validity", "2")
            await self.keytool(name, *words)
            await self.keytool(name, "-exportcert", "-rfc", "-file", str(self.folder / f"{name}.pem"))
        await self.keytool("trusted", "-importcert", "-noprompt", "-file", str(self.folder / "ours.pem"))

    async def keytool(self, store: str, *words: str) -> None:
        """Have Java's own tool do something with a store of keys; where there is a broker, there is that."""
        told = ("-alias", "one", "-keystore", f"{self.folder}/{store}.p12", "-storetype", "PKCS12", "-storepass", PASSWORD)
        done = await asyncio.to_thread(
            subprocess.run, ["keytool", *words, *told], capture_output=True, text=True, check=False, timeout=60
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    async def test_each_side_knows_the_other_or_nothing_is_read_or_written(self) -> None:
        """Our trust and our certificate reach the client library; with another trust, or without ours, the log is away."""
        stores = {"keystore": "broker", "truststore": "trusted"}
        bootstrap = await self.asking(
            "SSL",
            {f"ssl.{store}.location": f"{self.folder}/{name}.p12" for store, name in stores.items()}
            | {f"ssl.{store}.password": PASSWORD for store in stores}
            | {f"ssl.{store}.type": "PKCS12" for store in stores}
            | {"ssl.client.auth": "required"},
        )
        ours = (("ssl.keystore.location", f"{self.folder}/ours.p12"), ("ssl.keystore.password", PASSWORD))
        right = KafkaSettings(
            security_protocol="SSL",
            ssl_ca_location=str(self.folder / "broker.pem"),
            append_ms=15_000,
            options=(BY_NAME, *ours),
        )
        log = self.log(bootstrap, right)
        await log.open()
        self.assertEqual(await log.append([record()], atomic=True), [Verdict.OK])
        for wrong in (
            replace(right, ssl_ca_location=str(self.folder / "ours.pem")),
            replace(right, options=(BY_NAME,)),
            replace(right, security_protocol="PLAINTEXT"),
        ):
            with self.subTest(wrong=wrong), self.assertRaises(Unavailable):
                await self.log(bootstrap, wrong).open()

    def test_every_setting_of_tls_has_its_option(self) -> None:
        """A certificate and its key in files of their own, and the word that opens it."""
        given = KafkaSettings(
            security_protocol="SSL",
            ssl_ca_location="ca.pem",
            ssl_certificate_location="ours.pem",
            ssl_key_location="ours.key",
            ssl_key_password=PASSWORD,
        )
        self.assertNotIn(PASSWORD, repr(given))
        told = options.common("kafka:9093", given)
        self.assertEqual(
            {name: value for name, value in told.items() if name.startswith(("ssl.", "security."))},
            {
                "security.protocol": "SSL",
                "ssl.ca.location": "ca.pem",
                "ssl.certificate.location": "ours.pem",
                "ssl.key.location": "ours.key",
                "ssl.key.password": PASSWORD,
            },
        )


if __name__ == "__main__":
    unittest.main()
