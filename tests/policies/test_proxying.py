"""Where a proxy is, and which hosts go past it."""

import pytest
from returns.result import Failure

from llm_manager.policies.proxying import is_exempt, parse_proxy


def test_a_proxy_is_read_with_its_credentials() -> None:
    proxy = parse_proxy("http://us%40er:p%3Aw%40d@proxy.corp:3128").unwrap()
    assert proxy.location.origin == "http://proxy.corp:3128"
    assert proxy.user == "us@er"
    assert proxy.password is not None
    assert proxy.password.reveal() == "p:w@d"
    assert "p:w@d" not in repr(proxy)


def test_a_proxy_may_be_written_without_its_scheme() -> None:
    assert parse_proxy(" proxy.corp:3128 ").unwrap().location.origin == "http://proxy.corp:3128"


@pytest.mark.parametrize("written", ["socks5://proxy:1080", "http://", "http://u:hunter2@proxy:port", "ftp://proxy"])
def test_a_bad_proxy_is_refused_without_being_repeated(written: str) -> None:
    outcome = parse_proxy(written)
    assert isinstance(outcome, Failure)
    assert "hunter2" not in repr(outcome)


@pytest.mark.parametrize(
    ("host", "entries", "exempt"),
    [
        ("api.openai.com", ("*",), True),
        ("api.openai.com", ("openai.com",), True),
        ("api.openai.com", (".openai.com",), True),
        ("api.openai.com", ("API.OPENAI.COM",), True),
        ("evilopenai.com", ("openai.com",), False),
        ("openai.com.evil", ("openai.com",), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("11.1.2.3", ("10.0.0.0/8",), False),
        ("fd00::5", ("[fd00::5]",), True),
        ("api.openai.com", ("10.0.0.0/8", "", " "), False),
        ("api.openai.com", (), False),
    ],
)
def test_hosts_named_by_no_proxy_are_reached_directly(host: str, entries: tuple[str, ...], exempt: bool) -> None:
    assert is_exempt(host, entries) is exempt
