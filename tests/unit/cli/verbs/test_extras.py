"""Small commands; the completion script runs in a real bash."""

from __future__ import annotations

import json

import proctracker


def test_version(pt):
    assert pt("version").out == pt("--version").out == f"proctracker {proctracker.__version__}\n"


def test_template_check_tells_all_that_is_wrong_with_a_file(pt, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "remote_comand: x\nargs: 5\nenv: {A: '1'}\nemail: [a@b]\nresource_limits: {CPU: 1, CPU_TIME: 1:30}\n"
        "implementation_specific: {retries: many, volums: [x], volumes: ['/x:/y'], network: host}\n",
        encoding="utf-8",
    )
    found = pt("template", "check", str(path))
    lines = found.err.splitlines()
    assert (found.code, found.out) == (1, "")
    assert all(line.startswith(f"proctracker: error: {path}: ") for line in lines)
    words = ("remote_comand", "args", "'env'", "'CPU'", "1:30", "retries", "'volums'", "email")
    assert len(lines) == len(words) + 2
    for word in (*words, "volumes: process", "network: process"):
        assert any(word in line for line in lines), word


def test_template_check_names_file_and_key(pt, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"remote_command": "true"}', encoding="utf-8")
    bad.write_text('{"remote_comand": "true"}', encoding="utf-8")
    assert pt("template", "check", str(good)) == (0, f"ok {good}\n", "")
    found = pt("template", "check", str(good), str(bad))
    assert found.code == 1
    assert f"{bad}: JobTemplate has no attribute 'remote_comand' (did you mean remote_command?)" in found.err
    assert pt("template", "frob").code == 2


def test_template_check_refuses_what_run_would(pt, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "remote_command: cat\ninput_path: /nonexistent/in\noutput_path: /nonexistent/out\n", encoding="utf-8"
    )
    found = pt("template", "check", str(path))
    assert (found.code, found.out) == (1, "")
    assert [line.split(": ")[3] for line in found.err.splitlines()] == ["input_path", "output_path"]
    path.write_text("remote_command: cat\nimplementation_specific: {after: 9}\n", encoding="utf-8")
    assert "after: no job 9" in pt("template", "check", str(path)).err


def test_template_check_takes_the_contact_of_the_options_then_of_the_file(pt, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(
        "remote_command: cat\njob_category: x\nimplementation_specific: {contact: podman}\n", encoding="utf-8"
    )
    assert pt("template", "check", str(path)).out == f"ok {path}\n"
    for words in (["-c", "process", "template", "check"], ["template", "check", "-c", "process"]):
        assert "job_category: process cannot honour it" in pt(*words, str(path)).err
    path.write_text("remote_command: cat\nimplementation_specific: {contact: frob}\n", encoding="utf-8")
    assert "no tracker 'frob'" in pt("template", "check", str(path)).err


def test_machines(pt):
    (found,) = json.loads(pt("machines", "--json").out)
    assert found["machine_os"] == "LINUX"
    assert "phys_memory: " in pt("machines").out


def test_categories_of_processes_are_the_configured(pt, tmp_path, monkeypatch):
    path = tmp_path / "c.json"
    path.write_text('{"categories": {"analysis": {"image": "x"}}}', encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(path))
    monkeypatch.setenv("PATH", str(tmp_path))  # without engines
    assert pt("categories") == (0, "analysis\n", "")
