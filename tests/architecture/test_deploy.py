"""deploy/ names only what the program has: every metric and label of the dashboard and the alert rules."""

import json
import re
import unittest
from collections.abc import Iterator
from typing import Any, Final

import promql_parser as promql
import yaml

from headrace.api.operations import OPERATIONS
from headrace.api.targets import SlaTargets
from headrace.log.settings import LogSettings
from tests.architecture.queries import JOB, Query, declared, faults
from tests.architecture.sources import ROOT

DEPLOY: Final = ROOT / "deploy"
UNITS: Final = {"_ms": {"ms"}, "_bytes": {"bytes"}}
SEVERITIES: Final = {"critical", "warning", "info"}


class Deployed(unittest.TestCase):
    """Both files, read."""

    def setUp(self) -> None:
        """Read them."""
        self.panels: list[dict[str, Any]] = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))["panels"]
        self.plots = [panel for panel in self.panels if panel["type"] != "row"]
        groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
        self.rules: list[dict[str, Any]] = [rule for group in groups for rule in group["rules"]]


class TheQueries(Deployed):
    """Those of the dashboard and of the rules alike."""

    def of_the_dashboard(self) -> Iterator[Query]:
        """Yield those of all panels."""
        for panel in self.plots:
            together = panel["type"] == "heatmap"
            yield from (Query(panel["title"], one["expr"], one["legendFormat"], together) for one in panel["targets"])

    def test_every_query_can_be_read_and_names_only_what_there_is(self) -> None:
        """Metrics, labels that are asked for, grouped by and told, and their values where these are few."""
        samples = declared()
        of_the_rules = (Query(rule["alert"], rule["expr"], " ".join(rule["annotations"].values())) for rule in self.rules)
        for query in (*self.of_the_dashboard(), *of_the_rules):
            with self.subTest(query.place, query=query.text):
                self.assertEqual(faults(query, samples), [])

    def test_what_is_wrong_with_a_query_is_found(self) -> None:
        """The check itself, on what must not pass."""
        samples = declared()
        for text, told, fault in (
            ('sum(rate(reco_events_total{job="$job"}[5m])', "", "unclosed|unexpected|invalid"),
            ('reco_events{job="$job"}', "", "there is no reco_events"),
            ('sum by (topics) (reco_events_total{job="$job"})', "", "no topics to group by"),
            ('sum by (verdict) (reco_events_total{job="$job"})', "{{verdict}} {{topic}}", "no topic to tell"),
            ('max without (instance) (reco_snapshot_age_ms{job="$job"}) > 1', "{{ $labels.instance }}", "no instance to tell"),
            ('reco_events_total{job="$job",verdict="fine"}', "", "verdict is never fine"),
            ('reco_events_total{job="$job",status="ok"}', "", "has no status"),
            ("reco_events_total", "", "of whichever job"),
            ('rate(reco_snapshot_age_ms{job="$job"}[5m])', "", "does not only grow"),
            ('histogram_quantile(0.9, sum by (job) (rate(reco_log_append_ms_bucket{job="$job"}[5m])))', "", "no buckets"),
            ("1 + 1", "", "asks for nothing"),
            ('max by (job) (reco_snapshot_generation{job="$job"})', "", "spaces are thrown together"),
            ('histogram_quantile(0.9, sum by (le) (rate(reco_log_append_ms_bucket{job="$job"}[5m])))', "", "thrown together"),
            ('reco_snapshot_items{job="$job"} and on (job) reco_snapshot_users{job="$job"}', "", "spaces are not told apart"),
        ):
            with self.subTest(text):
                self.assertRegex("; ".join(faults(Query("", text, told), samples)), fault)

    def test_the_dashboard_shows_every_metric(self) -> None:
        """What is counted can be seen; a histogram where its buckets are."""
        shown = {one.name for query in self.of_the_dashboard() for one in query.parts(promql.VectorSelector)}
        wanted = {name for name in declared() if not name.endswith(("_sum", "_count"))}
        self.assertEqual(wanted - shown, set())


class TheDashboard(Deployed):
    """As Grafana draws it."""

    def test_every_panel_says_what_it_shows_in_which_unit(self) -> None:
        """Title, sentence, unit, data source; what is measured in milliseconds or bytes is drawn so."""
        for panel in self.plots:
            with self.subTest(panel["title"]):
                self.assertTrue(panel["title"] and panel["description"].endswith("."))
                self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                unit = panel["options"].get("yAxis", panel["fieldConfig"]["defaults"])["unit"]
                self.assertTrue(unit)
                for target in panel["targets"]:
                    names = {one.name for one in Query("", target["expr"]).parts(promql.VectorSelector)}
                    for ending, units in UNITS.items():
                        if all(name.removesuffix("_bucket").endswith(ending) for name in names) and unit not in units:
                            self.fail(f"{names} in {unit}")

    def test_no_panel_lies_on_another_and_each_has_its_own_number(self) -> None:
        """Grafana would push them aside, and every import would look different."""
        self.assertEqual(len({panel["id"] for panel in self.panels}), len(self.panels))
        cells: dict[tuple[int, int], str] = {}
        for panel in self.panels:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24)
            for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
                self.assertEqual(cells.setdefault(cell, panel["title"]), panel["title"])
        self.assertEqual(len({panel["title"] for panel in self.panels}), len(self.panels))

    def test_the_targets_of_the_contract_are_drawn_in(self) -> None:
        """Latency and errors: the numbers that ``/contract`` publishes."""
        targets = SlaTargets()
        steps = {
            panel["title"]: {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}
            for panel in self.plots
            if "thresholds" in panel["fieldConfig"]["defaults"]
        }
        for title in ("/reco p99", "Latency of /reco and /recommend"):
            self.assertLessEqual({targets.reco_p95_ms, targets.reco_p99_ms}, steps[title])
        for title in ("Errors", "Share of 5xx"):
            self.assertIn(targets.error_rate_pct, steps[title])
        self.assertIn(LogSettings().queue_records, steps["Events that wait for the log"])


class TheRules(Deployed):
    """As an operator is told."""

    def test_every_alert_says_how_bad_it_is_and_leads_to_what_to_do(self) -> None:
        """Severity, patience, summary, description, and a part of the page with its name; the page has no other parts."""
        page = (ROOT / "docs/howto/monitor.md").read_text(encoding="utf-8")
        told = dict(re.findall(r"^### (Headrace\w+)\n\n(.+?)(?=\n###|\Z)", page, re.MULTILINE | re.DOTALL))
        self.assertEqual(list(told), [rule["alert"] for rule in self.rules])
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                self.assertRegex(rule["for"], r"^\d+[mh]$")
                self.assertTrue(rule["annotations"]["summary"])
                self.assertTrue(rule["annotations"]["description"].endswith("."))
                self.assertEqual(rule["annotations"]["runbook_url"], f"docs/howto/monitor.md#{rule['alert'].lower()}")

    def test_they_hold_the_service_to_its_targets(self) -> None:
        """The numbers that ``/contract`` publishes, and the bound of the queue."""
        targets = SlaTargets()
        bounds = {rule["alert"]: float(rule["expr"].rpartition("> ")[2]) for rule in self.rules if "absent" not in rule["expr"]
                  and re.search(r"> [\d.]+$", rule["expr"])}  # fmt: skip
        self.assertEqual(bounds["HeadraceAnswersSlow"], targets.reco_p99_ms)
        self.assertEqual(bounds["HeadraceAnswersSlowAtP95"], targets.reco_p95_ms)
        self.assertEqual(100 * bounds["HeadraceErrors"], targets.error_rate_pct)
        self.assertEqual(bounds["HeadraceDoorFull"], 0.8 * LogSettings().queue_records)

    def test_the_scrape_configuration_asks_for_a_page_that_there_is(self) -> None:
        """The job that rules and dashboard ask for, the route, the rules."""
        prometheus = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
        (job,) = prometheus["scrape_configs"]
        self.assertEqual(job["job_name"], JOB)
        self.assertIn(("GET", job["metrics_path"]), {(one.method, one.path) for one in OPERATIONS})
        self.assertTrue(all((DEPLOY / name).exists() for name in prometheus["rule_files"]))
