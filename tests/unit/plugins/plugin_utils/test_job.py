# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
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
def file(tmp_path: Path) -> ProgressFile:
    """What the job's process has made."""
    made = ProgressFile.make(f"{tmp_path}/it's here")
    assert made is not None
    return made


@pytest.fixture
def job(file: ProgressFile) -> Job:
    return Job(run_shell, file.folder)


@pytest.fixture
def begun(file: ProgressFile, job: Job) -> Job:
    """A job that the controller has begun, of which it knows a first line."""
    file.wake()
    assert job.look() == ([], "alive")
    assert file.await_beginning()
    return job


def end(file: ProgressFile) -> None:
    """Do what the end of the job's process does."""
    os.close(file._wake)


def test_the_first_look_begins_the_job(file: ProgressFile, job: Job) -> None:
    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(job.look)
        assert file.await_beginning()
        file.append({"at": 1})
        assert looked.result() == ([{"at": 1}], "alive")
    assert Path(file.folder, "watched").exists()


def test_a_job_that_has_cancelled_itself(file: ProgressFile, job: Job) -> None:
    assert not file.await_beginning(0)
    assert job.look() == ([], "cancelled")


def test_a_job_that_is_about_to_cancel_itself(file: ProgressFile, job: Job) -> None:
    Path(file.folder, "ticket").rename(Path(file.folder, "cancelled"))
    assert job.look() == ([], "cancelled")


def test_whether_a_job_that_is_gone_was_begun_is_not_known_after_a_cut(file: ProgressFile) -> None:
    job = Job(lambda _script: {"stdout": ""}, file.folder)
    with pytest.raises(ConnectionLost):
        job.look()
    job._run_shell = run_shell
    file.remove()
    assert job.look().state == "gone"


def test_news_come_once(file: ProgressFile, begun: Job) -> None:
    file.append({"at": 2})
    file.append({"at": 3})
    assert begun.look() == ([{"at": 2}, {"at": 3}], "alive")
    file.wake()
    assert begun.look() == ([], "alive")


def test_after_a_cut_it_looks_before_it_waits(file: ProgressFile, begun: Job) -> None:
    begun._run_shell = lambda _script: {"stdout": ""}
    with pytest.raises(ConnectionLost):
        begun.look()
    file.append({"at": 1})
    os.read(file._wake, 9)  # the watcher that was cut off was woken in vain
    begun._run_shell = run_shell
    assert begun.look() == ([{"at": 1}], "alive")


def test_a_job_that_has_ended_is_not_waited_for(file: ProgressFile, begun: Job) -> None:
    end(file)
    assert begun.look() == ([], "ended")


def test_a_folder_that_is_gone(file: ProgressFile, begun: Job) -> None:
    begun.remove()
    assert not Path(file.folder).exists()
    assert begun.look().state == "gone"
    assert begun.fetch() is None
    assert begun.stop() == "gone"


def test_a_job_that_has_not_begun_can_be_cancelled(file: ProgressFile, job: Job) -> None:
    assert job.stop() == "cancelled"
    assert not Path(file.folder).exists()
    assert not file.await_beginning()


def test_a_job_that_has_begun_is_told_to_stop(file: ProgressFile, begun: Job) -> None:
    assert begun.stop() == "told"
    assert file.is_stopped
    assert Path(file.folder).exists()


def test_the_result_is_what_there_is_at_the_end_of_the_job(file: ProgressFile, begun: Job) -> None:
    with ThreadPoolExecutor(1) as pool:
        fetched = pool.submit(begun.fetch)
        file.append({"end": True})
        Path(file.result).write_text('\n{"changed": true}\n', encoding="utf-8")
        end(file)
        assert fetched.result() == {"changed": True}


@pytest.mark.parametrize("printed", ["", "half a resu"])
def test_a_job_that_was_killed_has_no_result(file: ProgressFile, begun: Job, printed: str) -> None:
    Path(file.result).write_text(printed, encoding="utf-8")
    end(file)
    assert begun.fetch() is None


@pytest.mark.parametrize("answer", [{"stdout": "", "stderr": "Connection reset by peer"}, {"stdout": '{"at": 1}\n'}])
def test_a_command_that_was_cut_off(answer: Dict[str, Any]) -> None:
    with pytest.raises(ConnectionLost):
        Job(lambda _script: answer, "/jobs/rollout-1").look()


def test_a_node_that_cannot_be_reached() -> None:
    def fail(_script: str) -> Dict[str, Any]:
        raise AnsibleConnectionFailure("Connection refused")

    with pytest.raises(ConnectionLost, match="Connection refused"):
        Job(fail, "/jobs/rollout-1").look()


def test_what_a_login_prints_does_no_harm(file: ProgressFile, begun: Job) -> None:
    def run_noisily(script: str) -> Dict[str, Any]:
        done = run_shell(script)
        return {**done, "stdout": "Welcome!\n" + done["stdout"]}

    begun._run_shell = run_noisily
    file.append({"at": 1})
    assert begun.look().lines == [{"at": 1}]
    Path(file.result).write_text('{"changed": true}', encoding="utf-8")
    end(file)
    assert begun.fetch() == {"changed": True}
