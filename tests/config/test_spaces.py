"""The file of spaces: what it may say, and whose settings come of it."""

import unittest
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from headrace import config
from headrace.config import ConfigurationError, Settings
from headrace.config.spaces import is_name, schema_of, settable, space_of
from headrace.store.sql import generation_schema, place


class SpacesAreDeclared(unittest.TestCase):
    """A TOML file that ``HEADRACE_SPACES`` names."""

    def setUp(self) -> None:
        """Have a folder for it."""
        self.folder = Path(self.enterContext(TemporaryDirectory()))
        self.file = self.folder / "spaces.toml"

    def read(self, text: str, **environ: str) -> Settings:
        """Return what is read where the file says this."""
        self.file.write_text(text)
        return config.read({"HEADRACE_SPACES": str(self.file), **environ})

    def complaint(self, text: str, **environ: str) -> list[str]:
        """Return the lines of the refusal."""
        with self.assertRaises(ConfigurationError) as caught:
            self.read(text, **environ)
        return str(caught.exception).splitlines()

    def test_the_default_space_is_as_without_others(self) -> None:
        """Schema, topics and group keep their names; what is read is its settings."""
        alone, beside = config.read({}), self.read("[shop]\n[video]\n")
        self.assertEqual(beside.schema, "headrace")
        self.assertEqual((beside.log, beside.stream, beside.serving), (alone.log, alone.stream, alone.serving))
        self.assertEqual([one.space for one in beside.each()], ["default", "shop", "video"])
        self.assertEqual([one.space for one in alone.each()], ["default"])
        self.assertIs(beside.of(None), beside)
        self.assertIs(beside.of("default"), beside)

    def test_a_space_has_a_schema_topics_and_a_group_that_are_called_after_it(self) -> None:
        """Nothing that has a name outside the process is that of another space."""
        shop = self.read("[shop]\n").of("shop")
        self.assertEqual(shop.schema, "headrace_shop")
        self.assertEqual(sorted(shop.log.names.values())[1], "shop.reco_impression")
        self.assertEqual((shop.log.topic_dlq, shop.stream.group_id), ("shop.reco_events_dlq", "shop.reco-stream-worker-v1"))
        self.assertEqual(shop.each(), [shop], "it knows of no others")

    def test_it_has_its_own_settings_and_of_the_rest_those_of_the_environment(self) -> None:
        """But for recipes: they belong to a catalogue. A folder is found beside the file; values are TOML's."""
        environ = {
            "HEADRACE_SERVING_RECIPE": "revisits",
            "HEADRACE_SERVING_RECIPES": "/srv/recipes",
            "HEADRACE_FEATURE_WINDOW": "9",
            "DB_POOL_MAX_SIZE": "4",
        }
        text = (
            '[shop]\nHEADRACE_SERVING_RECIPES = "shop"\nHEADRACE_FEATURE_HALF_LIFE_DAYS = 7.5\n'
            "HEADRACE_SNAPSHOT_UNKNOWN_ITEMS = false\nHEADRACE_LOG_PARTITIONS = 2\n[video]\n"
            'HEADRACE_SERVING_RECIPE = "rules-v1"\n'
        )
        read = self.read(text, **environ)
        shop, video = read.of("shop"), read.of("video")
        self.assertEqual((shop.serving.recipe, shop.serving.recipes), ("default", self.folder / "shop"))
        self.assertEqual((shop.features.half_life_days, shop.features.window), (7.5, 9))
        self.assertEqual((shop.snapshot.unknown_items, shop.log.partitions), (False, 2))
        self.assertEqual((video.serving.recipe, video.serving.recipes), ("rules-v1", None))
        self.assertEqual((video.log.partitions, video.features.half_life_days), (4, 20.0))
        self.assertEqual(read.serving.recipe, "revisits")
        self.assertEqual((shop.database, video.database), (read.database, read.database))

    def test_what_a_command_has_filled_in_is_filled_in_for_all(self) -> None:
        """The address of the embedded Postgres comes after the settings were read."""
        read = self.read("[shop]\n")
        filled = replace(read, database=replace(read.database, url="postgresql://here/x"))
        self.assertEqual(filled.of("shop").database.url, "postgresql://here/x")

    def test_what_concerns_the_process_cannot_be_one_spaces(self) -> None:
        """Addresses, the database, brokers, topics, metrics and logs; everything else can."""
        kept = {name for name in settable() if not name.startswith(("HEADRACE_", "CONTRACT_", "STREAM_", "KAFKA_WORKER_"))}
        self.assertEqual(kept, set())
        lines = self.complaint('[shop]\nAPI_PORT = 1\nTOPIC_WATCH = "x"\nDATABASE_URL = "x"\nHEADRACE_HOME = "x"\n')
        self.assertEqual([line.endswith("it is set for all spaces, in the environment") for line in lines], [True] * 4, lines)

    def test_everything_wrong_is_told_at_once_with_its_place(self) -> None:
        """Names, settings, values; a slip of the pen is mended by name."""
        lines = self.complaint("[Shop]\n[g7]\n[shop]\nHEADRACE_SERVING_RECIP = 'x'\nHEADRACE_FEATURE_WINDOW = 0\n")
        self.assertEqual(len(lines), 4)
        self.assertIn("a space cannot be called 'Shop'", lines[0])
        self.assertIn("did you mean HEADRACE_SERVING_RECIPE?", lines[2])
        self.assertIn("[shop] HEADRACE_FEATURE_WINDOW=0: expected a whole number from 1 to 100", lines[3])
        self.assertIn("it is no TOML", self.complaint("[")[0])
        self.assertIn("shop is no section", self.complaint("shop = 1")[0])
        with self.assertRaisesRegex(ConfigurationError, "HEADRACE_SPACES=.*cannot be read"):
            config.read({"HEADRACE_SPACES": "/nowhere/spaces.toml"})

    def test_two_spaces_cannot_have_one_topic(self) -> None:
        """Nor one that no broker takes."""
        self.assertIn(
            "'shop.reco_watch' would be that of the spaces",
            self.complaint("[shop]\n", TOPIC_WATCH="shop.reco_watch", TOPIC_IMPRESSION="reco_watch")[0],
        )
        self.assertIn("more than 249 characters", self.complaint("[shop]\n", TOPIC_WATCH="x" * 247)[0])

    def test_one_that_is_not_declared_is_refused_with_those_that_are(self) -> None:
        """An operator may know them."""
        self.file.write_text("[shop]\n[video]\n")
        with self.assertRaisesRegex(ConfigurationError, "there is no space 'toys': .*declares shop, video"):
            config.read({"HEADRACE_SPACES": str(self.file)}, space="toys")
        with self.assertRaisesRegex(ConfigurationError, "HEADRACE_SPACES names the file that declares spaces, and is unset"):
            config.read({}, space="toys")
        self.assertEqual(config.read({"HEADRACE_SPACES": str(self.file)}, space="shop").space, "shop")

    @given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True) | st.sampled_from(["g", "a_g1", "g1", "headrace"])))
    def test_no_schema_is_ever_that_of_two(self, names: list[str]) -> None:
        """Of spaces and generations, whatever allowed names there are; each is a plain identifier, and leads back."""
        spaces = {name for name in names if is_name(name)} | {"default"}
        schemas = [schema_of(one) for one in spaces]
        every = schemas + [generation_schema(one, number) for one in schemas for number in (1, 2, 37)]
        self.assertEqual(len(every), len(set(every)))
        self.assertEqual([space_of(one) for one in schemas], list(spaces))
        for schema in schemas:
            self.assertEqual(place("@space", space=schema), schema)

    def test_names_that_could_do_harm_are_none(self) -> None:
        """Nothing but a short plain word is a name."""
        bad = (
            "",
            "default",
            "Shop",
            "1shop",
            "_shop",
            "sh-op",
            "sh.op",
            "a b",
            "g1",
            "shop_g12",
            "a" * 32,
            "ä",
            'x"; DROP',
            "a\n",
            "pg$",
        )
        self.assertEqual([name for name in bad if is_name(name)], [])
        self.assertEqual(
            [name for name in ("shop", "a", "a" * 31, "shop_2", "g", "games", "g1x", "shop_g") if not is_name(name)], []
        )


if __name__ == "__main__":
    unittest.main()
