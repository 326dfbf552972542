#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of deploy/: `files` needs nothing but them, `rules` needs promtool (Debian package prometheus) and ends
with 77 where there is none. That a zhost exports the metrics in them: tests/cluster/published_test.py."""
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEPLOY = os.path.join(ROOT, "deploy")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def anchor(heading):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def each_alert_names_a_section_of_the_operations_that_is_there():
    there = {anchor(h) for h in re.findall(r"^#+ (.*)$", read("docs", "operations.md"), re.M)}
    alerts = read("deploy", "prometheus", "alerts.yml")
    named = re.findall(r"runbook: docs/operations\.md#(\S+)", alerts)
    assert len(named) == alerts.count("- alert:") > 10, len(named)
    assert set(named) <= there, set(named) - there


def the_dashboard_is_json_whose_panels_all_ask_something():
    panels = json.loads(read("deploy", "grafana", "samoza.json"))["panels"]
    assert len(panels) > 10 and len({p["id"] for p in panels}) == len(panels)
    for panel in panels:
        assert panel["title"] and all(t["expr"] for t in panel["targets"]), panel


def links_within_the_documents_lead_somewhere():
    for folder, _, names in os.walk(os.path.join(ROOT, "docs")):
        for name in (n for n in names if n.endswith(".md")):
            text = read(folder, name)
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
                if "://" not in target:
                    assert os.path.exists(os.path.join(folder, target)), (name, target)
            for target, part in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
                there = read(folder, target or name)
                assert part in {anchor(h) for h in re.findall(r"^#+ (.*)$", there, re.M)}, (name, target, part)


METRIC = re.compile(r"\bsamoza_(?:audit|build|bus|controlplane|http|label|links|log|loop|messages|service|startz|worker|zbase|zmesh|zrms|zrun)_"
                    r"[a-z_]*[a-z]")


def files_in(folder, endings):
    for at, _, names in os.walk(os.path.join(ROOT, folder)):
        yield from (os.path.join(at, name) for name in names if name.endswith(endings))


def each_metric_of_the_documents_and_of_deploy_is_in_the_sources():
    sources = "".join(read(name) for folder in ("src", "apps") for name in files_in(folder, (".cc", ".h")))
    registered = set(METRIC.findall(sources))
    # What guests call looks alike.
    registered |= set(METRIC.findall("".join(read(name) for name in files_in("sdk", (".h",)))))
    for folder in ("docs", "deploy"):
        for name in files_in(folder, (".md", ".yml", ".json")):
            for metric in METRIC.findall(read(name)):
                # Prometheus makes several series of a histogram.
                plain = re.sub(r"_(bucket|sum|count)$", "", metric)
                assert metric in registered or plain in registered, (name, metric)


# Not the product's own words.
OF_OTHERS = {"database or disk is full"}


def each_message_of_the_operations_is_one_of_the_product():
    code = "".join(read(name) for folder in ("src", "apps") for name in files_in(folder, (".cc", ".h")))
    code = re.sub(r'"\s*\n\s*"', "", code)  # a long text is written in several lines
    symptoms = read("docs", "operations.md").split("## Symptoms")[1]
    said = set()
    for line in symptoms.splitlines():
        if line.startswith("| "):
            said |= set(re.findall(r"`([^`]+)`", line.split(" | ")[0]))
        else:
            said |= {s for s in re.findall(r"`([^`]+)`", line)
                     if " " in s and not s.startswith(("zshell ", "mex ", "echo ", "control_plane:", "trust"))}
    count = 0
    for text in said:
        # Names, numbers and files are filled in; the words between them are the product's.
        for words in re.split(r"…|\b[A-Z]{1,8}\b|[:;(),']|\S*[0-9./]\S*", text):
            words = words.strip()
            if len(words) >= 12 and words not in OF_OTHERS:
                count += 1
                assert words in code, f"{words!r} of `{text}` is said nowhere"
    assert count > 40, count


def rules():
    if shutil.which("promtool") is None:
        print("skipped: no promtool here; the Debian package prometheus has it")
        return 77
    folder = os.path.join(DEPLOY, "prometheus")
    for words in (("check", "rules", "alerts.yml"), ("check", "config", "scrape.yml"),
                  ("test", "rules", "alerts_test.yml")):
        run = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            print(f"FAILED: promtool {' '.join(words)}\n{run.stdout}{run.stderr}")
            return 1
        print(f"good: promtool {' '.join(words)}")
    return 0


def main():
    if sys.argv[1:] == ["rules"]:
        return rules()
    for case in (each_alert_names_a_section_of_the_operations_that_is_there,
                 the_dashboard_is_json_whose_panels_all_ask_something, links_within_the_documents_lead_somewhere,
                 each_metric_of_the_documents_and_of_deploy_is_in_the_sources,
                 each_message_of_the_operations_is_one_of_the_product):
        case()
        print(f"good: {case.__name__.replace('_', ' ')}")
    return 0


sys.exit(main())
