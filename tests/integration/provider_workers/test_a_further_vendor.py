"""A seventh vendor takes one adapter, one catalogue entry, one simulator file and one golden folder; nothing else.

The four are put into a copy of the tree, and the copy is run: shared suite, compiler, simulator, worker, local stack.
"""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import compile_request
from dailies_contracts import ClipReady, ProviderSubmitted, VideoRequest
from local_stack.services import services_of
from runtime.catalog import load_catalog
from testkit.lineup import dialects
from testkit.orders import orders_on
from testkit.simulated import SimulatorControl, simulator_process

ROOT = Path(__file__).parents[3]
PARTS = Path(__file__).parent / "further_vendor"
GOLDEN = "tests/contract/provider_workers/golden"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what could have to change, with the four parts in it."""
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("services/provider-workers", "simulator", "tests/contract/provider_workers"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    adapters = copy / "services/provider-workers/provider_workers/adapters"
    shutil.copy(PARTS / "adapter.py", adapters / "nova.py")
    shutil.copy(PARTS / "simulator.py", copy / "simulator/simulator/vendors/nova.py")
    shutil.copytree(PARTS / "golden/nova", copy / GOLDEN / "nova")
    entry = (PARTS / "catalog_entry.toml").read_text()
    (copy / "catalog.toml").write_text((ROOT / "deploy/catalog.toml").read_text() + entry)
    return copy


@pytest.fixture
def environment_of_copy(tree, monkeypatch):
    """Processes find the copy's packages before ours."""
    ours = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(tree / "services/provider-workers"), str(tree / "simulator"), ours])
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.usefixtures("environment_of_copy")
async def test_the_shared_suite_runs_over_it(tree):
    argv = ("-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tree), "-p", "no:cacheprovider")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *argv, "-k", "nova or every_vendor", str(tree / "tests/contract/provider_workers")),
        cwd=tree,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    n_passed = int(re.search(r"(\d+) passed", said.decode()).group(1))
    assert n_passed > len(list((PARTS / "golden/nova").glob("*_*.json")))


def test_the_compiler_and_the_local_stack_know_it(tree):
    compiled = compile_request(
        VideoRequest(prompt="a cup, slow pan left", duration_s=3), load_catalog(tree / "catalog.toml"), load_rules()
    )
    (prompt,) = [prompt for prompt in compiled.prompts if prompt.provider == "nova"]
    assert (prompt.duration_s, prompt.prompt.split(".")[0]) == (4, "A cup")
    assert "worker-nova" in {service.name for service in services_of(tree / "catalog.toml")}


@pytest.mark.usefixtures("environment_of_copy")
async def test_its_clips_are_rendered_stored_and_billed_once(tree, bus, environment, tmp_path):
    nova = dialects(tree / "catalog.toml", tree / GOLDEN)["nova"]
    with simulator_process(tmp_path, "--small-clips", "--time-compression", "400") as url:
        changes = {"provider": "nova", "base_url": f"{url}/nova", "catalog": str(tree / "catalog.toml")}
        settings = environment("kling", adapter="nova", api_key="sim-nova-key", **changes)
        env = os.environ | {f"WORKER_{name.upper()}": str(value) for name, value in settings.items()}
        async with orders_on(bus) as orders, SimulatorControl(url) as simulator:
            worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "provider_workers", env=env)
            try:
                marks = ("", " [[fault:response_lost]]", " [[fault:throttled count=2]]", " [[fault:dropped]]")
                for mark in marks:
                    await orders.order(nova, f"a ball{mark}")
                for number in range(1, len(marks) + 1):
                    await orders.next(ClipReady, n=number, timeout_s=60)
                tasks = await simulator.tasks(vendor="nova")
            finally:
                worker.kill()
                await worker.wait()
        assert [task["n_submissions"] for task in tasks] == [1] * len(marks)
        charged = [fact.cost_usd_micros for fact in orders.of(ClipReady)]
        assert charged == [task["billed_usd_micros"] for task in tasks] == [120_000] * len(marks)
        assert sum(fact.found for fact in orders.of(ProviderSubmitted)) == 1
