import hashlib

import httpx
import pytest
from provider_workers.adapters.download import Downloader
from provider_workers.domain.account import Account
from provider_workers.domain.failures import ExpiredOutput, ProviderError

LOCAL = "http://127.0.0.1:9"
CONTENT = b"ftyp" * 100


class Files:
    """Answers by path, and remembers what was asked."""

    def __init__(self, answers):
        self.answers, self.requests = answers, []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers[request.url.path]
        return answer() if callable(answer) else answer


def downloader(files, *, base_url=LOCAL, max_clip_bytes=10_000, **options):
    client = httpx.AsyncClient(transport=httpx.MockTransport(files))
    account = Account(provider="kling", max_clip_bytes=max_clip_bytes)
    return Downloader(client, account, base_url, **options)


def video(content=CONTENT, **headers):
    return httpx.Response(200, headers={"content-type": "video/mp4", **headers}, stream=httpx.ByteStream(content))


async def refused(fetch, kind, code):
    with pytest.raises(ProviderError) as caught:
        await fetch
    assert (caught.value.kind, caught.value.vendor_code) == (kind, code)


async def test_a_file_is_written_and_hashed(tmp_path):
    got = await downloader(Files({"/a": video()})).fetch(f"{LOCAL}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert got == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_url_is_told_apart(tmp_path, status):
    with pytest.raises(ExpiredOutput):
        await downloader(Files({"/a": httpx.Response(status)})).fetch(f"{LOCAL}/a", tmp_path / "a")


async def test_a_server_error_may_pass(tmp_path):
    files = Files({"/a": httpx.Response(503)})
    await refused(downloader(files).fetch(f"{LOCAL}/a", tmp_path / "a"), "unavailable", "download_503")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (video(b"x" * 10_001), "too_large"),
        (video(**{"content-length": "10001"}), "too_large"),
        (httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html>"), "not_a_video"),
        (httpx.Response(200, headers={"content-type": "application/json"}, content=b"{}"), "not_a_video"),
        (video(b""), "empty_file"),
    ],
)
async def test_a_file_that_is_no_clip_is_refused(tmp_path, answer, code):
    await refused(downloader(Files({"/a": answer})).fetch(f"{LOCAL}/a", tmp_path / "a"), "bad_output", code)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.8/a",
        "https://10.0.0.8/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/a",
        "https://[fd00::1]/a",
        "https://127.0.0.1/a",
        "http://93.184.216.34/a",
        "https://user:pass@93.184.216.34/a",
        "file:///etc/passwd",
        "not a url",
    ],
)
async def test_a_vendors_url_leads_only_to_the_public_internet(tmp_path, url):
    files = Files({})
    public = downloader(files, base_url="https://api.vendor.example")
    await refused(public.fetch(url, tmp_path / "a"), "bad_output", "forbidden_address")
    assert files.requests == []


async def test_a_simulator_on_loopback_does_not_open_the_private_network(tmp_path):
    await refused(downloader(Files({})).fetch("https://10.0.0.8/a", tmp_path / "a"), "bad_output", "forbidden_address")


async def test_the_connection_is_made_to_the_address_that_was_checked(tmp_path):
    files = Files({"/a": video()})
    await downloader(files, base_url="https://api.vendor.example").fetch("https://93.184.216.34/a", tmp_path / "a")
    (request,) = files.requests
    assert request.url.host == request.headers["host"] == "93.184.216.34"
    assert request.extensions["sni_hostname"] == "93.184.216.34"


async def test_redirects_are_followed_only_where_the_vendor_needs_them(tmp_path):
    moved = httpx.Response(302, headers={"location": f"{LOCAL}/b"})
    files = Files({"/a": moved, "/b": video})
    await refused(downloader(files).fetch(f"{LOCAL}/a", tmp_path / "a"), "bad_output", "too_many_redirects")
    assert (await downloader(files, max_redirects=1).fetch(f"{LOCAL}/a", tmp_path / "a")).size_bytes == len(CONTENT)


async def test_the_key_goes_to_the_configured_origin_alone(tmp_path):
    elsewhere = "http://127.0.0.1:10"
    files = Files({"/a": httpx.Response(302, headers={"location": f"{elsewhere}/b"}), "/b": video})
    keyed = downloader(files, max_redirects=1, key_headers={"x-goog-api-key": "secret"})
    await keyed.fetch(f"{LOCAL}/a", tmp_path / "a")
    await keyed.fetch(f"{elsewhere}/b", tmp_path / "b")
    assert [request.headers.get("x-goog-api-key") for request in files.requests] == ["secret", None, None]


async def test_a_redirect_into_the_private_network_is_refused(tmp_path):
    files = Files({"/a": httpx.Response(302, headers={"location": "http://10.0.0.8/b"})})
    await refused(
        downloader(files, max_redirects=3).fetch(f"{LOCAL}/a", tmp_path / "a"), "bad_output", "forbidden_address"
    )
    assert len(files.requests) == 1
