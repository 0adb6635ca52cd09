import json

import httpx
import pytest
from provider_workers.adapters.registry import open_adapter
from provider_workers.app import account_of
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Output, TaskRef
from provider_workers.domain.failures import ProviderError
from provider_workers.settings import Settings
from runtime.errors import Permanent

TASK = TaskRef("projects/film/locations/l/publishers/google/models/m/operations/1", model="m", from_image=False)


class Vertex:
    """Answers every poll as still running, and remembers the tokens."""

    def __init__(self):
        self.tokens = []

    def __call__(self, request):
        self.tokens.append(request.headers["authorization"])
        return httpx.Response(200, content=json.dumps({"name": TASK.provider_task_id}))


def opened(name, clock, *, vendor=None, **fields):
    client = httpx.AsyncClient(transport=httpx.MockTransport(vendor or Vertex()))
    return open_adapter(name, Account(provider="veo", **fields), client, clock)


@pytest.mark.parametrize(
    ("name", "fields", "setting"),
    [
        ("kling", {}, "WORKER_API_KEY"),
        ("kling-legacy", {"access_key": "ak"}, "WORKER_SECRET_KEY"),
        ("veo", {"location": "l", "api_key": "t"}, "WORKER_PROJECT"),
        ("veo", {"location": "l", "project": "film"}, "WORKER_API_KEY"),
        ("veo-gemini", {}, "WORKER_API_KEY"),
    ],
)
def test_a_missing_credential_stops_the_start_and_is_named(clock, name, fields, setting):
    with pytest.raises(Permanent, match=setting):
        opened(name, clock, **fields)


def test_an_unknown_adapter_stops_the_start_and_names_the_known_ones(clock):
    with pytest.raises(Permanent, match="kling-legacy"):
        opened("sora", clock)


async def test_a_token_file_is_read_for_every_call(clock, tmp_path):
    file = tmp_path / "token"
    vertex = Vertex()
    adapter = opened("veo", clock, vendor=vertex, location="l", project="film", token_file=file)
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await adapter.poll(TASK)
    assert vertex.tokens == ["Bearer first", "Bearer second"]


async def test_a_token_file_that_is_gone_is_a_matter_of_credentials(clock, tmp_path):
    adapter = opened("veo", clock, location="l", project="film", token_file=tmp_path / "none")
    with pytest.raises(ProviderError) as caught:
        await adapter.poll(TASK)
    assert caught.value.kind == "auth"


@pytest.mark.parametrize("output", [Output(content=b"x" * 11), Output()])
async def test_an_inline_clip_has_the_same_limit_as_a_download(clock, tmp_path, output):
    adapter = opened("veo", clock, location="l", project="film", api_key="t", max_clip_bytes=10)
    with pytest.raises(ProviderError) as caught:
        await adapter.download(output, tmp_path / "clip")
    assert caught.value.kind == "bad_output"


def test_settings_keep_their_secrets(monkeypatch):
    for name, value in {"PROVIDER": "kling", "API_KEY": "secret-key", "CALLBACK_SECRET": "secret-two"}.items():
        monkeypatch.setenv(f"WORKER_{name}", value)
    settings = Settings()
    assert not any(secret in repr(settings) for secret in ("secret-key", "secret-two"))
    assert account_of(settings).api_key == "secret-key"
    assert "secret-key" not in repr(account_of(settings))
