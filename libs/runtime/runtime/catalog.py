"""The catalogue: which vendors and models there are, their limits and their prices.

Every service that quotes reads the same `catalog.toml`; `catalog_file` loads it, checks it and follows its changes.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from dailies_contracts import CompiledPrompt

from runtime.budgets import Limits
from runtime.errors import Permanent
from runtime.routing_policy import Grade, Policy, TenantPlan, UseCase
from runtime.toml_lines import line_of

Tier = Literal["draft", "final"]


class Pictures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model renders with one kind of picture beyond the first frame.

    Attributes:
        at_most: Pictures of the kind that it takes.
        durations_s: Lengths that it renders with them; empty: all of its own.
        resolutions: Resolutions that it renders with them; empty: all of its own.
        audio: With sound too, where it renders sound.
        usd_micros_per_s: Price per second without sound, where it is another one with them.
    """

    at_most: Annotated[int, msgspec.Meta(ge=1)] = 1
    durations_s: tuple[int, ...] = ()
    resolutions: tuple[str, ...] = ()
    audio: bool = True
    usd_micros_per_s: dict[str, int] = {}

    def faults(self, model: "Model", field: str) -> Iterator[tuple[str, str]]:
        """Say what does not go together with the rest of the model's entry: the field and a sentence."""
        if not {*model.resolutions, *model.first_frame_resolutions}.issuperset(self.resolutions):
            yield f"{field}.resolutions", "names one that the model does not render."
        if not set(model.durations_s).issuperset(self.durations_s):
            yield f"{field}.durations_s", "names one that the model does not render."
        narrowed = model.within(self)
        if not any(narrowed.durations_at(x) for x in (*narrowed.resolutions, *narrowed.first_frame_resolutions)):
            yield field, "leaves no length at any resolution."
        for resolution in (*narrowed.resolutions, *narrowed.first_frame_resolutions):
            if self.usd_micros_per_s and self.usd_micros_per_s.get(resolution, 0) <= 0:
                yield f"{field}.usd_micros_per_s", f"has no price at {resolution}."


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a vendor: limits, price list and what to expect before anything was measured.

    Attributes:
        durations_s: Lengths it renders, ascending.
        resolution_durations_s: Lengths at one resolution where it allows fewer.
        audio_resolutions: Resolutions at which it renders sound; empty: never.
        camera_control: Takes a camera move by a name of its own.
        first_frame: Takes a picture to start from.
        needs_first_frame: Renders from a picture only, never from text alone.
        aspect_from_frame: With a first frame the picture's shape decides; `aspect_ratios` is for text alone.
        first_frame_resolutions: Resolutions that it renders with a first frame only.
        first_frame_aspect_ratios: Shapes that it renders with a first frame only.
        last_frame: What it renders between a first and a last frame; None: it takes no last frame.
        references: What it renders with pictures of what is to be seen, instead of a first frame; None: it takes none.
        usd_micros_per_s: Price per second of output by resolution, without sound.
        clip_usd_micros: Price of a whole clip by resolution and length, where the vendor does not charge by the second.
        audio_usd_micros_per_s: Price per second with sound.
        billed_step_s: The vendor bills whole steps of so many seconds, rounded up.
        billed_unit_usd_micros: The vendor bills whole units of this price (a credit, a cent), rounded up.
        grade: What its finals are worth.
        finishes: Models whose drafts it can render out as the same generation.
        samples: Clips that one request may order; each is billed like a clip of its own.
        retires_on: From this day (UTC) it is not used any more.
        quality: Expected aggregate score, [0, 1].
        latency_s: Expected time to a clip.
    """

    name: str
    tier: Tier
    durations_s: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    prompt_max_chars: int
    quality: float
    latency_s: float
    usd_micros_per_s: dict[str, int] = {}
    clip_usd_micros: dict[str, dict[int, int]] = {}
    audio_usd_micros_per_s: dict[str, int] = {}
    audio_resolutions: tuple[str, ...] = ()
    resolution_durations_s: dict[str, tuple[int, ...]] = {}
    negative_prompt: bool = False
    seed: bool = False
    camera_control: bool = False
    first_frame: bool = False
    needs_first_frame: bool = False
    aspect_from_frame: bool = False
    first_frame_resolutions: tuple[str, ...] = ()
    first_frame_aspect_ratios: tuple[str, ...] = ()
    last_frame: Pictures | None = None
    references: Pictures | None = None
    billed_step_s: int = 1
    billed_unit_usd_micros: int = 1
    grade: Grade = "standard"
    finishes: tuple[str, ...] = ()
    samples: int = 1
    retires_on: date | None = None

    def is_retired(self, today: date) -> bool:
        """Tell whether the vendor has retired it."""
        return self.retires_on is not None and today >= self.retires_on

    def ordered_with(self, *, last_frame: bool, references: bool) -> "Model":
        """Give the limits and prices that hold for a clip; references come without a first frame, so without a last."""
        pictures = self.last_frame if last_frame else self.references if references else None
        return self if pictures is None else self.within(pictures)

    def ordered_as(self, prompt: CompiledPrompt) -> "Model":
        """Give the limits and prices that hold for a compiled prompt."""
        return self.ordered_with(last_frame=prompt.last_frame is not None, references=bool(prompt.references))

    def takes_aspect(self, aspect_ratio: str, *, from_image: bool) -> bool:
        """Tell whether it renders this shape, or leaves the shape to the first frame."""
        if from_image and (self.aspect_from_frame or aspect_ratio in self.first_frame_aspect_ratios):
            return True
        return aspect_ratio in self.aspect_ratios

    def resolutions_for(self, *, audio: bool, from_image: bool) -> tuple[str, ...]:
        """Give the resolutions at which it renders such a clip."""
        if audio:
            return self.audio_resolutions
        return self.first_frame_resolutions * from_image + self.resolutions

    def cheapest_resolution(self, duration_s: int) -> str | None:
        """Give the resolution at which a silent clip of a length costs least; None where it has no such length."""
        fitting = [name for name in self.resolutions if duration_s in self.durations_at(name)]
        prices = {x: self.price_usd_micros(duration_s=duration_s, resolution=x, audio=False) for x in fitting}
        return min(fitting, key=lambda name: prices[name], default=None)

    def durations_at(self, resolution: str) -> tuple[int, ...]:
        """Give the lengths in seconds that it renders at a resolution."""
        return self.resolution_durations_s.get(resolution, self.durations_s)

    def price_usd_micros(self, *, duration_s: int, resolution: str, audio: bool) -> int:
        """Quote one clip.

        Args:
            duration_s: One of the model's own lengths.
            resolution: One of its resolutions.
            audio: With sound.

        Returns:
            Micro-dollars.

        Raises:
            KeyError: The model has no price for this combination.
        """
        if not audio and resolution in self.clip_usd_micros:
            return self.clip_usd_micros[resolution][duration_s]
        prices = self.audio_usd_micros_per_s if audio else self.usd_micros_per_s
        billed_s = _up(duration_s, self.billed_step_s)
        return _up(prices[resolution] * billed_s, self.billed_unit_usd_micros)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Say what is wrong with the entry: the field and a sentence."""
        for name in ("durations_s", "aspect_ratios", "resolutions"):
            is_open = name == "aspect_ratios" and self.needs_first_frame and self.aspect_from_frame
            if not getattr(self, name) and not is_open:
                yield name, "is empty: say at least one."
        if list(self.durations_s) != sorted(set(self.durations_s)):
            yield "durations_s", "must ascend."
        if not 0 <= self.quality <= 1:
            yield "quality", "must lie in [0, 1]."
        if self.samples < 1:
            yield "samples", "must be at least 1."
        if min(self.billed_step_s, self.billed_unit_usd_micros) < 1:
            yield "billed_step_s", "and billed_unit_usd_micros must be at least 1."
        yield from self._unpriced()
        yield from self._impossible()

    def _impossible(self) -> Iterator[tuple[str, str]]:
        if self.last_frame is not None and not self.first_frame:
            yield "last_frame", "needs a model that takes a first frame."
        for field, pictures in (("last_frame", self.last_frame), ("references", self.references)):
            if pictures is not None:
                yield from pictures.faults(self, field)

    def within(self, pictures: Pictures) -> "Model":
        """Give the limits and prices that hold for a clip with pictures of a kind, as a model of its own."""

        def sizes(offered: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(x for x in offered if not pictures.resolutions or x in pictures.resolutions)

        def lengths(offered: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(x for x in offered if not pictures.durations_s or x in pictures.durations_s)

        has_price = bool(pictures.usd_micros_per_s)
        return msgspec.structs.replace(
            self,
            durations_s=lengths(self.durations_s),
            resolution_durations_s={size: lengths(x) for size, x in self.resolution_durations_s.items()},
            resolutions=sizes(self.resolutions),
            first_frame_resolutions=sizes(self.first_frame_resolutions),
            audio_resolutions=sizes(self.audio_resolutions) if pictures.audio else (),
            usd_micros_per_s=pictures.usd_micros_per_s if has_price else self.usd_micros_per_s,
            clip_usd_micros={} if has_price else self.clip_usd_micros,
            last_frame=None,
            references=None,
        )

    def _unpriced(self) -> Iterator[tuple[str, str]]:
        silent = (*self.resolutions, *self.first_frame_resolutions)
        for audio, resolution in (*((False, x) for x in silent), *((True, x) for x in self.audio_resolutions)):
            for duration_s in self.durations_at(resolution):
                try:
                    price = self.price_usd_micros(duration_s=duration_s, resolution=resolution, audio=audio)
                except KeyError:
                    price = 0
                if price <= 0:
                    field = "audio_usd_micros_per_s" if audio else "usd_micros_per_s"
                    yield field, f"has no price for {duration_s} s at {resolution}."
                    return


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor.

    Attributes:
        slots: Clips in flight at once over all replicas of an account.
        slots_per: Whether every model of an account has so many slots of its own, or all share them.
        poll_s: Time between two polls of a task.
        reconcile_s: How long an unknown outcome is looked up before it counts as unknown.
        can_find: Tasks can be looked up by our reference.
        dialect: How the compiler words its prompts; empty: in the vendor's own dialect.
        licence: What its terms say about using what it renders; kept with every asset.
        enabled: False: nothing new is ordered from it.
        regions: Where it handles what it is sent, for example `us`, `eu`; empty: not known.
    """

    name: str
    slots: int
    poll_s: float
    reconcile_s: float
    can_find: bool
    dialect: str = ""
    licence: str = ""
    slots_per: Literal["account", "model"] = "account"
    model: tuple[Model, ...]
    enabled: bool = True
    regions: tuple[str, ...] = ()


class Defaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What applies until a tenant has settings of its own."""

    tenant_budget_usd_micros: int
    tenant_plan: str = ""
    tenant_day_budget_usd_micros: int | None = None
    tenant_month_budget_usd_micros: int | None = None

    def limits(self) -> Limits:
        """Give the limits per day, per month and in total."""
        return Limits(
            self.tenant_day_budget_usd_micros, self.tenant_month_budget_usd_micros, self.tenant_budget_usd_micros
        )


class Listing(NamedTuple):
    """One model with its vendor."""

    provider: Provider
    model: Model


class Catalog(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    version: str
    policy: Policy
    defaults: Defaults
    provider: tuple[Provider, ...]
    plan: tuple[TenantPlan, ...] = ()
    use_case: tuple[UseCase, ...] = ()

    def listings(self) -> Iterator[Listing]:
        """Every model with its vendor, in file order."""
        return (Listing(provider, model) for provider in self.provider for model in provider.model)

    def find(self, provider: str, model: str) -> Listing | None:
        """Look one model up."""
        for vendor in self.provider:
            if vendor.name == provider:
                return next((Listing(vendor, each) for each in vendor.model if each.name == model), None)
        return None

    def vendor(self, name: str) -> Provider:
        """Look one vendor up.

        Raises:
            Permanent: The catalogue does not have it.
        """
        found = next((x for x in self.provider if x.name == name), None)
        if found is None:
            raise Permanent(
                "catalog.unknown_provider", f"The catalogue has no vendor {name!r}: add it to catalog.toml."
            )
        return found

    def plan_named(self, name: str) -> TenantPlan | None:
        """Look a tenant's plan up, the default one where it has none; None where the catalogue lists none."""
        wanted = name or self.defaults.tenant_plan
        return next((each for each in self.plan if each.name == wanted), None)

    def use_case_named(self, name: str) -> UseCase | None:
        """Look a use case up."""
        return next((each for each in self.use_case if each.name == name), None)


CatalogSource = Callable[[], Catalog]
"""Gives the catalogue as it is now: ask each time, it may have been replaced."""


def _up(amount: int, step: int) -> int:
    """Round up to a whole number of steps."""
    return -(-amount // step) * step


def load_catalog(path: Path) -> Catalog:
    """Read and check the catalogue.

    Raises:
        Permanent: The file is missing or a value is wrong; the message names the line.
    """
    try:
        text = path.read_text()
        catalog = msgspec.convert(tomllib.loads(text), Catalog, builtin_types=(date,), str_keys=True)
    except OSError as err:
        raise Permanent("catalog.invalid", f"{path}: {err}. Correct the setting and start again.") from err
    except tomllib.TOMLDecodeError as err:  # says the line itself
        raise Permanent("catalog.invalid", f"{path}: {err}. Correct the file.") from err
    except msgspec.ValidationError as err:
        raise Permanent("catalog.invalid", _located(path, text, str(err))) from err
    fault = next(_faults(catalog), None)
    if fault is not None:
        place, sentence = fault
        raise Permanent("catalog.invalid", f"{path}, line {line_of(text, place)}: {place} {sentence}")
    return catalog


_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(.*)`")


def _located(path: Path, text: str, message: str) -> str:
    found = _PLACE.match(message)
    what, place = (found["what"], found["path"] or "") if found else (message, "")
    unknown = _UNKNOWN.search(what)
    exact = f"{place}.{unknown[1]}".lstrip(".") if unknown else place
    return f"{path}, line {line_of(text, exact) or 1}: {what} at {exact or 'the top'}. Correct the file."


def _faults(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Say what is wrong between the entries: the place and a sentence."""
    names = Counter(each.name for each in catalog.provider)
    for n, provider in enumerate(catalog.provider):
        place = f"provider[{n}]"
        if names[provider.name] > 1:
            yield f"{place}.name", f"{provider.name!r} is there twice."
        if provider.slots < 1:
            yield f"{place}.slots", "must be at least 1; switch a vendor off with enabled = false."
        models = Counter(each.name for each in provider.model)
        for m, model in enumerate(provider.model):
            if models[model.name] > 1:
                yield f"{place}.model[{m}].name", f"{model.name!r} is there twice."
            for field, sentence in model.faults():
                yield f"{place}.model[{m}].{field}", sentence
    if catalog.defaults.tenant_plan and catalog.plan_named("") is None:
        yield "defaults.tenant_plan", f"{catalog.defaults.tenant_plan!r} is not one of the plans."
