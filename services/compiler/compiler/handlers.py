"""What the compiler does with each message. Second stop of a job, after the gateway."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from dailies_contracts import TERMINAL_EVENTS, Event, JobFailed, JobRequested, PromptCompiled
from runtime.catalog import CatalogSource
from runtime.clock import Clock
from runtime.log import History

from compiler.adapters.expander import Expand
from compiler.domain.compile import Compiled, Refused, compile_request
from compiler.domain.rules import Rules

log = logging.getLogger(__name__)


class FactLog(Protocol):
    """The part of the event log that the compiler needs."""

    async def append_fact(self, event: Event) -> bool:
        """Write one fact; False where it had already happened."""
        ...

    async def append(self, job_id: str, events: Sequence[Event], *, expected_sequence: int) -> object:
        """Write a decision, unless the job changed meanwhile."""
        ...

    async def history(self, job_id: str) -> History:
        """Read everything that happened to a job."""
        ...


class Handlers:
    """The compiler's one handler and what it needs."""

    def __init__(self, *, log: FactLog, clock: Clock, catalog: CatalogSource, rules: Rules, expand: Expand) -> None:
        self._log = log
        self._clock = clock
        self._catalog = catalog
        self._rules = rules
        self._expand = expand

    async def on_job_requested(self, event: JobRequested) -> None:
        """Compile the request for every model, or refuse it.

        Consumes: JobRequested. Emits: PromptCompiled, or JobFailed.
        Idempotent by: the write-once subjects of both; a refusal is only written to a job that has not ended.
        """
        request = await self._expand(event.request)
        # A hostile prompt takes seconds: beside the loop it delays nobody but itself.
        match await asyncio.to_thread(compile_request, request, self._catalog(), self._rules):
            case Compiled() as compiled:
                await self._log.append_fact(self._prompt_compiled(event, compiled))
            case Refused() as refused:
                await self._refuse(event, refused)

    def _prompt_compiled(self, event: JobRequested, compiled: Compiled) -> PromptCompiled:
        return PromptCompiled(
            job_id=event.job_id,
            tenant_id=event.tenant_id,
            occurred_at=self._clock(),
            compiler_version=compiled.compiler_version,
            fingerprint=compiled.fingerprint,
            prompt_class=compiled.prompt_class,
            prompts=compiled.prompts,
            unsuitable=compiled.unsuitable,
            warnings=compiled.warnings,
        )

    async def _refuse(self, event: JobRequested, refused: Refused) -> None:
        history = await self._log.history(event.job_id)
        # A replica with other rules may have compiled the same request: the first answer stands.
        if any(isinstance(past, (*TERMINAL_EVENTS, PromptCompiled)) for past in history.events):
            return
        failed = JobFailed(
            job_id=event.job_id,
            tenant_id=event.tenant_id,
            occurred_at=self._clock(),
            code=refused.code,
            reason=refused.reason,
            message=refused.message,
        )
        await self._log.append(event.job_id, [failed], expected_sequence=history.last_sequence)
        log.info("prompt.refused", extra={"code": refused.code, "reason": refused.reason})
