"""Reading the settings."""

import unittest
from pathlib import Path

from headrace import config
from headrace.config import ConfigurationError


class ReadingSettings(unittest.TestCase):
    """From variables to one frozen object, or to one message."""

    def complaint(self, **environ: str) -> list[str]:
        """Return the lines of the refusal."""
        with self.assertRaises(ConfigurationError) as caught:
            config.read(environ)
        return str(caught.exception).splitlines()

    def test_without_any_variable_the_defaults_of_the_contract_hold(self) -> None:
        """An empty environment gives the documented defaults."""
        settings = config.read({})
        self.assertEqual((settings.api.host, settings.api.port), ("127.0.0.1", 8080))
        self.assertEqual(settings.stream.auto_offset_reset, "earliest")
        self.assertEqual(settings.limits.max_age_ms, 2_592_000_000)
        self.assertIsNone(settings.database.url)
        self.assertIsNone(settings.log.kafka_bootstrap)

    def test_each_variable_fills_its_field(self) -> None:
        """Numbers, flags, words, URLs and folders arrive as what they are."""
        settings = config.read(
            {
                "API_PORT": "9000",
                "API_EMBEDDED_WORKER_ENABLED": "Yes",
                "LOG_LEVEL": "debug",
                "DATABASE_URL": "postgresql://me@db.example:5433/reco",
                "HEADRACE_HOME": "/srv/reco",
                "HEADRACE_FEATURE_BACKWARD": "0.5",
                "KAFKA_BOOTSTRAP": "one:9092,two:9092",
            }
        )
        self.assertEqual(settings.api.port, 9000)
        self.assertTrue(settings.api.embedded_worker)
        self.assertEqual(settings.telemetry.log_level, "DEBUG")
        self.assertEqual(settings.database.url, "postgresql://me@db.example:5433/reco")
        self.assertEqual(settings.home, Path("/srv/reco"))
        self.assertEqual(settings.features.backward, 0.5)
        self.assertEqual(settings.log.kafka_bootstrap, "one:9092,two:9092")

    def test_every_bad_setting_is_told_at_once(self) -> None:
        """Three mistakes give three lines, each with the value, what is expected, and the default."""
        lines = self.complaint(API_PORT="eighty", LOG_FORMAT="xml", DB_POOL_MAX_SIZE="0")
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0], "API_PORT='eighty': expected a whole number from 1 to 65535; the default is 8080")

    def test_nothing_falls_back_silently(self) -> None:
        """What almost parses is refused: a wrong word, an exponent, a sum out of range, an empty number."""
        for name, value in (
            ("KAFKA_WORKER_AUTO_OFFSET_RESET", "earlist"),
            ("API_PORT", "1e3"),
            ("API_PORT", "65536"),
            ("API_PORT", ""),
            ("API_PORT", "٨٠٨٠"),
            ("API_PORT", "9" * 5000),
            ("HEADRACE_STREAM_BRAKE_RATIO", "nan"),
            ("DATABASE_URL", "mysql://db/reco"),
            ("DATABASE_URL", "postgresql://db:port/reco"),
            ("API_EMBEDDED_WORKER_ENABLED", "maybe"),
        ):
            with self.subTest(name=name, value=value[:20]):
                self.assertIn(name, self.complaint(**{name: value})[0])

    def test_a_slip_in_one_of_our_names_is_noticed(self) -> None:
        """An unknown HEADRACE_ variable is an error that names the nearest right one."""
        self.assertEqual(
            self.complaint(HEADRACE_FEATURE_WINDOWS="5"),
            ["HEADRACE_FEATURE_WINDOWS: there is no such setting; did you mean HEADRACE_FEATURE_WINDOW?"],
        )

    def test_a_password_is_never_shown(self) -> None:
        """A refused database URL is told without its password."""
        line = self.complaint(DATABASE_URL="mysql://me:secret@db/reco")[0]
        self.assertNotIn("secret", line)
        self.assertIn("mysql://me:***@db/reco", line)

    def test_settings_that_contradict_each_other_are_refused(self) -> None:
        """A pool cannot keep more than it may open, and two topics cannot share a name."""
        self.assertIn("DB_POOL_MIN_SIZE", self.complaint(DB_POOL_MIN_SIZE="20")[0])
        self.assertIn("TOPIC_DLQ", self.complaint(TOPIC_DLQ="reco_watch")[0])

    def test_an_empty_value_is_unset_where_unset_has_a_meaning(self) -> None:
        """An empty DATABASE_URL is the embedded Postgres, an empty KAFKA_BOOTSTRAP the embedded log."""
        settings = config.read({"DATABASE_URL": "", "KAFKA_BOOTSTRAP": "", "HEADRACE_HOME": ""})
        self.assertIsNone(settings.database.url)
        self.assertIsNone(settings.log.kafka_bootstrap)
