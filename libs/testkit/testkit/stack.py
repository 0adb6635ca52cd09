"""The whole product for one test: every part and service as its own process, on free ports, in a folder of its own.

```python
async with local_stack(tmp_path, Options(replicas={"router": 2})) as stack:
    stack.facts["gateway_url"]
    await stack.kill("router")
    await stack.restart("router")
```
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from local_stack.plan import Options
from local_stack.stack import Stack

__all__ = ["Options", "TestStack", "local_stack"]


class TestStack:
    """A running stack, for async code.

    Attributes:
        stack: The same for synchronous code.
    """

    __test__ = False  # pytest collects classes by this name

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def facts(self) -> dict[str, Any]:
        """URLs and keys, as in `stack.json`."""
        return self.stack.facts

    async def kill(self, name: str) -> None:
        """End one process with SIGKILL; it stays down until `restart`."""
        await asyncio.to_thread(self.stack.kill, name)

    async def restart(self, name: str) -> None:
        """Start one process again with the same ports and data; a running one is stopped first."""
        await asyncio.to_thread(self.stack.restart, name)

    async def stop(self, name: str) -> None:
        """End one process gently; it stays down until `restart`."""
        await asyncio.to_thread(self.stack.process(name).stop)

    def log(self, name: str) -> str:
        """Give everything that one process has written."""
        return self.stack.layout.log(name).read_text(errors="replace")


@asynccontextmanager
async def local_stack(directory: Path, options: Options | None = None) -> AsyncIterator[TestStack]:
    """Run the product while the block runs.

    Args:
        directory: For data, logs and keys.
        options: What to start; the ports are free ones whatever it says.
    """
    chosen = dataclasses.replace(options or Options(), default_ports=False)
    stack = Stack(directory, chosen)
    await asyncio.to_thread(stack.start)
    try:
        yield TestStack(stack)
    finally:
        await asyncio.to_thread(stack.stop)
