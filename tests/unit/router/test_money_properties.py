"""The pure rules of money under any course of events: no limit is ever passed, and the sums are those of the log."""

from datetime import date, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from router.domain.books import Books, differences
from router.domain.money import ClipAccount, ClipEntry, TenantAccount, thresholds
from runtime.budgets import TOTAL, Limits, day_of
from testkit.builders import NOW

AMOUNTS = st.integers(0, 1_000)
SHARES = st.fractions(0, 1)
LIMITS = st.none() | st.integers(0, 3_000)


class Money(RuleBasedStateMachine):
    """One tenant, some clips, days that pass; every change is counted once or more, as crashes make it."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits()
        self.tenant = TenantAccount()
        self.clips: dict[str, ClipEntry] = {}
        self.now = NOW

    @initialize(day=LIMITS, month=LIMITS, total=LIMITS)
    def limit(self, day: int | None, month: int | None, total: int | None) -> None:
        self.limits = Limits(day, month, total)

    @property
    def today(self) -> str:
        return day_of(self.now)

    def count(self, key: str, entry: ClipEntry) -> None:
        self.tenant = self.tenant.counting(key, entry).counting(key, entry).tidied(self.today)
        self.clips[key] = entry.counted()

    def change(self, key: str, *, held: int, charged: int) -> None:
        day = self.clips[key].account.day
        account = ClipAccount(held_usd_micros=held, charged_usd_micros=charged, day=day)
        self.count(key, self.clips[key].changed_to(account, sequence=0))

    @rule(quote=AMOUNTS, n_days_ago=st.integers(0, 1))
    def order(self, quote: int, n_days_ago: int) -> None:
        """Take a hold, sometimes of a decision made before midnight; refused, it leaves nothing behind."""
        key = f"clip.job.{len(self.clips)}"
        day = (date.fromisoformat(self.today) - timedelta(days=n_days_ago)).isoformat()
        entry = ClipEntry(account=ClipAccount(held_usd_micros=quote, day=day))
        if self.tenant.counting(key, entry).breaks(self.limits, self.tenant):
            assert entry.withdrawn().account == ClipAccount()
            return
        self.count(key, entry)

    @precondition(lambda self: self.clips)
    @rule(data=st.data(), share=SHARES)
    def settle(self, data: st.DataObject, share: float) -> None:
        """The clip ends, soon or days later: charged up to its hold, perhaps nothing (released)."""
        key = data.draw(st.sampled_from(sorted(self.clips)))
        if held := self.clips[key].account.held_usd_micros:
            self.change(key, held=0, charged=int(held * share))

    @precondition(lambda self: self.clips)
    @rule(data=st.data(), share=SHARES)
    def refund(self, data: st.DataObject, share: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.clips)))
        if charged := self.clips[key].account.charged_usd_micros:
            self.change(key, held=0, charged=int(charged * share))

    @precondition(lambda self: self.tenant.recent)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.tenant.recent)))
        self.tenant = self.tenant.forgetting({key: self.clips[key].version})

    @rule(n_days=st.integers(1, 20))
    def let_time_pass(self, n_days: int) -> None:
        self.now += timedelta(days=n_days)

    @invariant()
    def no_limit_is_passed(self) -> None:
        for period in (TOTAL, *self.tenant.periods):
            sums, limit = self.tenant.of(period), self.limits.of(period)
            assert sums.spent_usd_micros >= 0
            assert sums.held_usd_micros >= 0
            assert limit is None or sums.used_usd_micros <= limit
        left = self.tenant.left_usd_micros(self.limits, self.today)
        assert left is None or left >= 0

    @invariant()
    def the_sums_are_those_of_the_clips(self) -> None:
        by_log = Books({key: entry.account for key, entry in self.clips.items()}, {"acme": TenantAccount()})
        for entry in self.clips.values():
            by_log.tenants["acme"] = by_log.tenants["acme"].booking(entry.account)
        recorded = Books(by_log.clips, {"acme": self.tenant})
        assert list(differences(by_log, recorded, today=self.today)) == []

    @invariant()
    def thresholds_are_reached_in_order_and_never_above_the_sums(self) -> None:
        for event in thresholds("acme", self.tenant, self.limits, self.now):
            used = event.spent_usd_micros + event.held_usd_micros
            assert 0 < event.limit_usd_micros * event.percent <= used * 100


Money.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
test_money_stays_exact_whatever_happens = Money.TestCase
