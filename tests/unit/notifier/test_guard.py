"""Hostile URLs, one a line: none of them is ever called."""

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from notifier.adapters.guard import AddressRefused, Guard, GuardedResolver

PUBLIC = "93.184.215.14"
PORTS = (443, 8443)


class Names(AbstractResolver):
    """A name server that a test fills; every look-up of a name gives its next answer."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.n_lookups = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 (every family is answered)
    ) -> list[ResolveResult]:
        addresses = self.answers[min(self.n_lookups, len(self.answers) - 1)]
        self.n_lookups += 1
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for each in addresses
        ]

    async def close(self) -> None:
        pass


HOSTILE_TEXT = [
    # schemes
    "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com:70/_", "dict://a.example/",
    "ldap://a.example/", "data:text/plain,x", "javascript:alert(1)", "unix:///run/docker.sock", "//example.com/", "",
    "example.com", "https:", "https://", "https:///path", "HTTPS:example.com", "wss://example.com/", "jar:https://a.example!/",
    # credentials and confused authorities
    "https://user@example.com/", "https://user:secret@example.com/", "https://example.com@127.0.0.1/",
    "https://127.0.0.1:443@example.com/", "https://example.com:443@10.0.0.1/", "https://@127.0.0.1/",
    "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/", "https://exa mple.com/",
    "https://example.com\t/", "https://example.com\r\nHost: evil/", "https://example.com\x00.evil/", "https://[::1",
    "https://[example.com]/", "https://exam_ple..com/", "https://" + "a" * 300 + ".com/",
    "https://example.com/" + "a" * 9_000,
    # ports
    "https://example.com:22/", "https://example.com:6379/", "https://example.com:0/", "https://example.com:65536/",
    "https://example.com:-1/", "https://example.com:80/", "https://example.com:4430/", "https://example.com:x/",
    # IPv4 literals that lead inside
    "https://127.0.0.1/", "https://127.255.255.254/", "https://0.0.0.0/", "https://0.1.2.3/", "https://10.0.0.1/",
    "https://100.64.0.1/", "https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/", "https://172.16.0.1/",
    "https://172.31.255.255/", "https://192.168.0.1/", "https://192.0.0.192/", "https://192.0.2.1/",
    "https://198.18.0.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/",
    "https://239.255.255.250/", "https://240.0.0.1/", "https://255.255.255.255/", "https://100.100.100.200/",
    # IPv4 literals in disguise
    "https://2130706433/", "https://017700000001/", "https://0177.0.0.1/",
    "https://127.1/", "https://127.0.1/", "https://1/", "https://0/", "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/", "https://\uff11\uff12\uff17.0.0.1/", "https://127.0.0.1./",
    # IPv6 literals that lead inside, or carry an IPv4 address that does
    "https://[::]/", "https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/", "https://[::ffff:a9fe:a9fe]/", "https://[::127.0.0.1]/", "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/", "https://[2002:a9fe:a9fe::1]/", "https://[2001:0:7f00:1::]/", "https://[2001:db8::1]/",
    "https://[3fff::1]/", "https://[5f00::1]/", "https://[100::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fec0::1]/", "https://[ff02::1]/", "https://[ff0e::1]/",
    "https://[4000::1]/", "https://[0200::1]/",
]  # fmt: skip

HOSTILE_NAMES = [
    ("https://localhost/", ("127.0.0.1",)),
    ("https://localhost/", ("::1",)),
    ("https://localtest.me/", ("127.0.0.1",)),
    ("https://metadata.google.internal/", ("169.254.169.254",)),
    ("https://0x7f000001/", ("127.0.0.1",)),
    ("https://0x7f.0.0.1/", ("127.0.0.1",)),
    ("https://inside.example/", ("10.1.2.3",)),
    ("https://inside.example/", ("fd12::1",)),
    ("https://linked.example/", ("fe80::1",)),
    ("https://mapped.example/", ("::ffff:10.0.0.1",)),
    ("https://nat64.example/", ("64:ff9b::c0a8:1",)),
    ("https://sixtofour.example/", ("2002:c0a8:1::1",)),
    ("https://none.example/", ("0.0.0.0",)),
    ("https://many.example/", ("239.1.1.1",)),
    ("https://both.example/", (PUBLIC, "127.0.0.1")),
    ("https://both.example/", ("2606:2800:21f::1", "::1")),
    ("https://both.example/", (PUBLIC, PUBLIC, "169.254.169.254")),
    ("https://strange.example/", ("not an address",)),
]


def test_the_table_is_long_enough() -> None:
    assert len({*HOSTILE_TEXT, *HOSTILE_NAMES}) >= 60


@pytest.mark.parametrize("url", HOSTILE_TEXT)
def test_a_hostile_url_is_refused_before_any_lookup(url: str) -> None:
    with pytest.raises(AddressRefused):
        Guard(ports=PORTS).checked_url(url)


@pytest.mark.parametrize(("url", "addresses"), HOSTILE_NAMES)
async def test_a_name_that_leads_inside_is_refused(url: str, addresses: tuple[str, ...]) -> None:
    guard = Guard(ports=PORTS)
    host = guard.checked_url(url).host
    with pytest.raises(AddressRefused):
        await GuardedResolver(guard, Names(addresses)).resolve(host or "", 443)


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("https://example.com/", (PUBLIC,)),
        ("https://example.com:8443/a/b?c=d", (PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c")),
        ("https://BÜCHER.example/hook", ("1.1.1.1",)),
        ("https://example.com./", ("8.8.8.8",)),
        ("https://[2606:4700::1111]/", ("2606:4700::1111",)),
        ("https://9.9.9.9/", ("9.9.9.9",)),
        ("https://mapped.example/", ("::ffff:8.8.8.8",)),
    ],
)
async def test_public_addresses_are_handed_out_unchanged(url: str, addresses: tuple[str, ...]) -> None:
    guard = Guard(ports=PORTS)
    host = guard.checked_url(url).host
    found = await GuardedResolver(guard, Names(addresses)).resolve(host or "", 443)
    assert tuple(each["host"] for each in found) == addresses


async def test_a_name_that_moves_inside_is_looked_up_once_and_refused_the_next_time() -> None:
    guard, names = Guard(), Names((PUBLIC,), ("169.254.169.254",))
    resolver = GuardedResolver(guard, names)
    assert [each["host"] for each in await resolver.resolve("rebinding.example", 443)] == [PUBLIC]
    assert names.n_lookups == 1
    with pytest.raises(AddressRefused):
        await resolver.resolve("rebinding.example", 443)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_last_gate_opens_no_socket_to_the_inside(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressRefused):
        Guard().open_socket((family, socket.SOCK_STREAM, 0, "", (address, 443)))


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://EXAMPLE.com/a b", None),
        ("https://EXAMPLE.com/ü?q=ü#part", "https://example.com/%C3%BC?q=%C3%BC"),
        ("https://example.com/a%2Fb/../c?x=1&y=%20", "https://example.com/a%2Fb/../c?x=1&y=%20"),
        ("https://example.com", "https://example.com/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2606:4700::1111]:8443/x", "https://[2606:4700::1111]:8443/x"),
    ],
)
def test_the_url_that_is_called_is_put_together_from_what_was_checked(url: str, called: str | None) -> None:
    if called is None:
        with pytest.raises(AddressRefused):
            Guard().checked_url(url)
    else:
        assert str(Guard().checked_url(url)) == called


def test_one_machine_may_call_itself_over_plain_http_on_any_port() -> None:
    guard = Guard(allow_private=True, allow_http=True, ports=PORTS)
    assert str(guard.checked_url("http://127.0.0.1:54321/hook")) == "http://127.0.0.1:54321/hook"
    guard.check_address("::1")


def test_credentials_stay_refused_on_one_machine() -> None:
    with pytest.raises(AddressRefused):
        Guard(allow_private=True, allow_http=True).checked_url("http://me:secret@127.0.0.1/")
