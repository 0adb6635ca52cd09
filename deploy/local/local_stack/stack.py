"""Run the whole product on this machine: start it in order, stop it in reverse, kill and restart single processes.

```python
stack = Stack(Path(".dailies"))
stack.start()                    # returns when every process is ready
stack.facts["gateway_url"]
stack.kill("router"); stack.restart("router")
stack.stop()
```
Every call blocks; async code uses `asyncio.to_thread` or `testkit.stack`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_stack.credentials import load_credentials
from local_stack.files import write_private
from local_stack.layout import Layout
from local_stack.plan import Options, Plan, make_plan, wanted_ports
from local_stack.ports import choose_ports, free_ports
from local_stack.process import Process
from local_stack.run_file import load_run, save_run


class AlreadyRunning(Exception):
    """The stack of this folder runs already."""


class NotRunning(Exception):
    """No stack of this folder runs, or it has no process of that name."""


class Stack:
    """The stack of one folder, whether started by this object or by an earlier command.

    Attributes:
        layout: Where its files are.
        options: What to start.
        facts: What `stack.json` says, without the pids; empty while it does not run.
    """

    def __init__(self, directory: Path, options: Options | None = None) -> None:
        self.layout = Layout(directory.resolve())
        self.options = options or Options()
        self._stages, self.facts = load_run(self.layout.run_file) or ([], {})

    @property
    def processes(self) -> tuple[Process, ...]:
        """Every process that was started and not stopped, in starting order."""
        return tuple(process for stage in self._stages for process in stage)

    def is_running(self) -> bool:
        """Tell whether any of its processes runs."""
        return any(process.is_alive() for process in self.processes)

    def start(self, report: Callable[[str], None] = lambda _: None) -> None:
        """Start everything and wait until it is ready; on a failure stop what was started.

        Args:
            report: Called with a sentence after each step.

        Raises:
            AlreadyRunning: it runs; stop it first.
            StartFailed: a process ended or did not answer in time; says which, with the end of its log.
            MissingProgram: a part is not installed.
        """
        if self.is_running():
            raise AlreadyRunning(f"the stack in {self.layout.root} is already running; see `status`, or stop it first")
        began = time.monotonic()
        plan = self._plan()
        self._stages, self.facts = [], dict(plan.facts)
        try:
            for specs in plan.stages:
                self._start_stage([Process(spec) for spec in specs])
                names = ", ".join(spec.name for spec in specs)
                report(f"ready after {time.monotonic() - began:.1f} s: {names}")
        except BaseException:
            self.stop()
            raise
        self._save()

    def stop(self) -> None:
        """End everything in reverse order: the services first, then the parts under them. Data stay."""
        while self._stages:
            stage = self._stages[-1]
            with ThreadPoolExecutor(max_workers=len(stage) or 1) as pool:
                list(pool.map(Process.stop, stage))
            self._stages.pop()
        self.facts = {}
        self.layout.stack_file.unlink(missing_ok=True)
        self.layout.run_file.unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """End one process with SIGKILL, as a crash would; it stays down until `restart`.

        Raises:
            NotRunning: there is no such process.
        """
        self.process(name).kill()
        self._save()

    def restart(self, name: str) -> None:
        """Start one process again, with its old ports and environment; a running one is stopped first.

        Raises:
            NotRunning: there is no such process.
            StartFailed: it did not come up.
        """
        process = self.process(name)
        process.stop()
        process.start()
        self._save()

    def process(self, name: str) -> Process:
        """Find one process by its name.

        Raises:
            NotRunning: there is no such process.
        """
        found = next((process for process in self.processes if process.spec.name == name), None)
        if found is None:
            names = ", ".join(process.spec.name for process in self.processes) or "none: the stack is not running"
            raise NotRunning(f"no process called {name!r}; there is {names}")
        return found

    def _plan(self) -> Plan:
        wanted = wanted_ports(self.options)
        if self.options.default_ports:
            ports = choose_ports(wanted)
        else:
            ports = dict(zip(wanted, free_ports(len(wanted)), strict=True))
        keys = load_credentials(self.layout.secrets_file)
        return make_plan(self.layout, ports=ports, keys=keys, options=self.options)

    def _start_stage(self, stage: list[Process]) -> None:
        self._stages.append(stage)
        for process in stage:
            process.launch()
        # Before waiting, so that `down` in another terminal can end a start that hangs.
        self._save_run()
        for process in stage:
            process.wait_ready()

    def _save_run(self) -> None:
        save_run(self.layout.run_file, self._stages, facts=self.facts)

    def _save(self) -> None:
        self._save_run()
        pids = {process.spec.name: process.pid for process in self.processes if process.is_alive()}
        write_private(self.layout.stack_file, {**self.facts, "pids": pids})
