"""Which base URLs are understood, safe and local: a table of spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError
from llm_manager.policies.addresses import is_elsewhere, parse_endpoint

LOCAL_HOSTS = ("gpu.lan", "192.168.1.0/24", "fd00::5")

ACCEPTED = [
    ("https://api.openai.com/v1", "https://api.openai.com/v1", "cloud"),
    ("https://api.openai.com/v1/", "https://api.openai.com/v1", "cloud"),
    ("https://api.openai.com/v1///", "https://api.openai.com/v1", "cloud"),
    ("HTTPS://API.OpenAI.com/V1", "https://api.openai.com/V1", "cloud"),
    ("https://api.openai.com:443", "https://api.openai.com", "cloud"),
    ("https://api.openai.com:8443/v1", "https://api.openai.com:8443/v1", "cloud"),
    ("https://gateway.example.com/v1/account/gw@2/openai", "https://gateway.example.com/v1/account/gw@2/openai", "cloud"),
    ("https://xn--bcher-kva.example/v1", "https://xn--bcher-kva.example/v1", "cloud"),
    ("https://10.0.0.1/v1", "https://10.0.0.1/v1", "cloud"),
    ("https://8.8.8.8/v1", "https://8.8.8.8/v1", "cloud"),
    ("https://[2606:4700::1111]/v1", "https://[2606:4700::1111]/v1", "cloud"),
    ("https://localhost.evil.example/v1", "https://localhost.evil.example/v1", "cloud"),
    ("https://localhost:8443", "https://localhost:8443", "local"),
    ("http://localhost:1234/v1", "http://localhost:1234/v1", "local"),
    ("http://LOCALHOST/v1", "http://localhost/v1", "local"),
    ("http://localhost:80/v1", "http://localhost/v1", "local"),
    ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "local"),
    ("http://127.255.255.254/", "http://127.255.255.254", "local"),
    ("http://[::1]:11434/v1", "http://[::1]:11434/v1", "local"),
    ("http://[0:0:0:0:0:0:0:1]/v1", "http://[::1]/v1", "local"),
    ("http://ollama:11434", "http://ollama:11434", "local"),
    ("http://llama_server:8080/v1", "http://llama_server:8080/v1", "local"),
    ("http://gpu.lan:8000/v1", "http://gpu.lan:8000/v1", "local"),
    ("http://GPU.LAN:8000/v1", "http://gpu.lan:8000/v1", "local"),
    ("http://192.168.1.7:8000/v1", "http://192.168.1.7:8000/v1", "local"),
    ("http://[fd00::5]:8000/v1", "http://[fd00::5]:8000/v1", "local"),
    ("http://127.0.0.1:18080/x/s400.n100/v1", "http://127.0.0.1:18080/x/s400.n100/v1", "local"),
]

REFUSED = [
    "",
    "api.openai.com/v1",
    "//api.openai.com/v1",
    "https:/api.openai.com",
    "https:api.openai.com",
    "ftp://api.openai.com",
    "file:///etc/passwd",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "http://api.openai.com/v1",
    "http://10.0.0.1/v1",
    "http://192.168.2.7/v1",
    "http://localhost.evil.example",
    "http://gpu.lan.evil.example",
    "http://[fd00::6]/v1",
    "https://api.openai.com@evil.example/v1",
    "https://sk-hunter2@api.openai.com/v1",
    "https://user:hunter2@api.openai.com/v1",
    "http://localhost:1234@evil.example/v1",
    "http://localhost\\@evil.example/v1",
    "http://localhost/\\evil.example",
    "https:\\\\api.openai.com\\v1",
    "https://api.openai.com/v1#hunter2",
    "https://api.openai.com/v1?key=hunter2",
    "https://api.openai.com?",
    "http://127.1/v1",
    "http://127.0.1/v1",
    "http://2130706433/v1",
    "http://0x7f000001/v1",
    "http://0x7f.0.0.1/v1",
    "http://0177.0.0.1/v1",
    "http://127.0.0.01/v1",
    "http://127.0.0.1./v1",
    "http://127.0.0.1.2/v1",
    "http://127.0.0.256/v1",
    "http://0.0.0.0:8000/v1",
    "http://0/v1",
    "https://0.1.2.3/v1",
    "http://[::]/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "https://[::ffff:8.8.8.8]/v1",
    "http://[::127.0.0.1]/v1",
    "http://[::1%25lo]/v1",
    "http://[fe80::1]/v1",
    "http://[fe80::1%eth0]/v1",
    "http://[127.0.0.1]/v1",
    "http://[::1/v1",
    "http://::1/v1",
    "http://169.254.169.254/latest",
    "https://169.254.169.254/latest",
    "https://224.0.0.1/v1",
    "https://240.0.0.1/v1",
    "https://255.255.255.255/v1",
    "https://",
    "https:///v1",
    "https://.example.com/v1",
    "https://example..com/v1",
    "https://example.com./v1",
    "https://-evil.example/v1",
    "https://bücher.example/v1",
    "https://example.com\u3002evil/v1",
    "https://ex%61mple.com/v1",
    "https://example.com:0/v1",
    "https://example.com:65536/v1",
    "https://example.com:99999999/v1",
    "https://example.com:/v1",
    "https://example.com:44 3/v1",
    "https://example.com/a b",
    "https://example.com/v1\r\nX-Evil: 1",
    "https://example.com/v1\x00",
    " https://example.com/v1",
    "https://example.com/v1\n",
    "https://example.com/v1/../admin",
    "https://example.com/./v1",
    "https://example.com/%2e%2e/admin",
    "https://" + "a." * 130 + "example/v1",
    "https://" + "a" * 64 + ".example/v1",
]


@pytest.mark.parametrize(("written", "normal", "locality"), ACCEPTED)
def test_a_good_base_url_is_normalised_and_placed(written: str, normal: str, locality: str) -> None:
    endpoint = parse_endpoint("p", written, LOCAL_HOSTS, account="org").unwrap()
    assert (endpoint.base_url, endpoint.locality, endpoint.account) == (normal, locality, "org")
    assert parse_endpoint("p", endpoint.base_url, LOCAL_HOSTS, account="org") == Success(endpoint)


@pytest.mark.parametrize("written", REFUSED)
def test_a_bad_base_url_is_refused_without_being_repeated(written: str) -> None:
    outcome = parse_endpoint("p", written, LOCAL_HOSTS)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert error.faults[0].key == "base_url"
    assert "hunter2" not in repr(error)


def test_the_table_holds_sixty_spellings_and_more() -> None:
    assert len(ACCEPTED) + len(REFUSED) >= 60


@given(st.text(max_size=60) | st.from_regex(r"https?://[!-~]{0,40}", fullmatch=True))
def test_any_text_is_judged_and_what_passes_is_plain(text: str) -> None:
    outcome = parse_endpoint("p", text)
    if isinstance(outcome, Success):
        endpoint = outcome.unwrap()
        assert endpoint.base_url.isascii()
        assert not set(endpoint.base_url) & set("\\#? \r\n\x00%")
        assert "@" not in endpoint.base_url.split("/")[2]
        assert endpoint.base_url.startswith("https://") or endpoint.locality == "local"


def test_entries_of_local_hosts_that_are_no_networks_are_names() -> None:
    assert isinstance(parse_endpoint("p", "http://10.0.0.1", ("gpu.lan", "10.0.0.1")), Success)
    assert isinstance(parse_endpoint("p", "http://10.0.0.1", ("gpu.lan", "")), Failure)


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("data:image/png;base64,AAAA", False),
        ("http://localhost:8000/a%20b.png?size=9#top", False),
        ("http://127.0.0.1/cat.png", False),
        ("http://files/cat.png", False),
        ("https://gpu.lan/cat.png", False),
        ("https://example.org/cat.png", True),
        ("http://169.254.169.254/latest", True),
        ("http://localhost@example.org/cat.png", True),
        ("http://localhost\\.example.org/cat.png", True),
        ("http://local\thost.example.org/", True),
        ("http://2130706433/cat.png", True),
        ("//example.org/cat.png", True),
        ("file:///etc/passwd", True),
        ("gs://bucket/cat.png", True),
        ("cat.png", True),
        ("", True),
    ],
)
def test_what_a_server_would_fetch_from_elsewhere(url: str, elsewhere: bool) -> None:
    """What is not understood is taken for elsewhere."""
    assert is_elsewhere(url, LOCAL_HOSTS) is elsewhere
