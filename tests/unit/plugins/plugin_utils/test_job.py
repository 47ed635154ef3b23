# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.swarmops.rollout.plugins.module_utils._rollout.progress_file import ProgressFile
from ansible_collections.swarmops.rollout.plugins.plugin_utils._job import ConnectionLost, Job


def run_shell(script: str) -> Dict[str, Any]:
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False, timeout=30)
    return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    made = Job(run_shell)
    assert made.make_folder(f"{tmp_path}/it's here")
    return made


def path(job: Job, name: str = "") -> Path:
    return Path(job.folder, name)


def begin(job: Job, *lines: Dict[str, Any]) -> ProgressFile:
    """Begin in this process."""
    file = ProgressFile.take(job.folder, lambda _command: None)
    for line in lines:
        file.append(line)
    return file


PID = {"pid": os.getpid()}


def test_the_folder_is_its_users_own(job: Job) -> None:
    assert path(job).stat().st_mode & 0o777 == 0o700
    assert path(job, "ticket").exists()


def test_a_folder_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    job = Job(run_shell)
    assert job.make_folder("~/.ansible_async")
    assert path(job).parent == tmp_path / ".ansible_async"


def test_where_no_folder_can_be() -> None:
    assert not Job(run_shell).make_folder("/proc/nowhere")


def test_what_was_cut_off_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def cut_off(script: str) -> Dict[str, Any]:
        return run_shell(script.replace("&& mkfifo wake", "&& kill -9 $$"))

    assert not Job(cut_off).make_folder(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_news_come_once(job: Job) -> None:
    file = begin(job, {"at": 1})
    assert job.look().lines == [PID, {"at": 1}]
    assert job.look() == ([], "alive")  # what woke us is known already
    file.append({"at": 2})
    file.append({"at": 3})
    news = job.look()
    assert (news.lines, news.state) == ([{"at": 2}, {"at": 3}], "alive")
    assert path(job, "watched").exists()


def test_after_a_cut_it_looks_before_it_waits(job: Job) -> None:
    file = begin(job)
    cut = Job(run_shell)
    cut.folder = job.folder
    assert cut.look().lines == [PID]
    os.read(file._pipe, 9)  # a watcher that was cut off was woken in vain
    cut._run_shell = lambda _script: {"stdout": ""}
    with pytest.raises(ConnectionLost):
        cut.look()
    cut._run_shell = run_shell
    assert cut.look() == ([], "alive")


def test_a_process_that_is_gone_is_not_waited_for(job: Job) -> None:
    file = begin(job, {"pid": 2**22 + 1})
    assert job.look().state == "alive"  # as far as was known when it looked
    os.close(file._pipe)
    assert job.look() == ([], "ended")


def test_a_folder_that_is_gone(job: Job) -> None:
    job.remove()
    assert not path(job).exists()
    assert job.look().state == "gone"
    assert job.fetch() is None
    assert not job.stop()
    assert not job.give_up()


def test_a_job_that_has_not_begun_can_be_given_up_and_one_that_has_cannot(job: Job, tmp_path: Path) -> None:
    other = Job(run_shell)
    other.make_folder(str(tmp_path))
    begin(other)
    assert (job.give_up(), other.give_up()) == (True, False)
    assert (path(job).exists(), path(other).exists()) == (False, True)


def test_a_job_is_told_to_stop(job: Job) -> None:
    assert job.stop()
    assert path(job, "stop").exists()


def test_the_result_is_there_when_ansible_has_written_it(job: Job) -> None:
    begin(job)
    assert job.fetch() is None
    path(job, "j123.45").write_text('{"started": 1, "finished": 0, "ansible_job_id": "j123.45"}', encoding="utf-8")
    assert job.fetch() is None
    path(job, "j123.45").write_text('{"changed": true}', encoding="utf-8")
    path(job, "j123.45.tmp").write_text("half", encoding="utf-8")
    assert job.fetch() == {"changed": True}


@pytest.mark.parametrize("answer", [{"stdout": "", "stderr": "Connection reset by peer"}, {"stdout": '{"at": 1}\n'}])
def test_a_command_that_was_cut_off(answer: Dict[str, Any]) -> None:
    with pytest.raises(ConnectionLost):
        Job(lambda _script: answer).look()


def test_a_node_that_cannot_be_reached() -> None:
    def fail(_script: str) -> Dict[str, Any]:
        raise AnsibleConnectionFailure("Connection refused")

    with pytest.raises(ConnectionLost, match="Connection refused"):
        Job(fail).look()


def test_what_a_login_prints_does_no_harm(job: Job) -> None:
    begin(job, {"at": 1})
    noisy = Job(lambda script: {**run_shell(script), "stdout": "Welcome!\n" + run_shell(script)["stdout"]})
    noisy.folder = job.folder
    assert noisy.look().lines == [PID, {"at": 1}]
    path(job, "j123.45").write_text('{"changed": true}', encoding="utf-8")
    assert noisy.fetch() == {"changed": True}
