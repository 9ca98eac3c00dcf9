import pytest
from starlette.datastructures import Headers

from dreamkeras.errors import InputError
from dreamkeras.serving.http.proxy import Proxy, is_local, parse_origin, parse_root_path, parse_trusted


class TestAllowed:
    @pytest.mark.parametrize(
        ("headers", "allowed"),
        [
            ({}, True),
            ({"origin": "http://a:8000", "host": "a:8000"}, True),
            ({"origin": "https://a", "host": "127.0.0.1:8000", "sec-fetch-site": "same-origin"}, True),
            ({"origin": "https://a", "host": "127.0.0.1:8000", "sec-fetch-site": "same-site"}, False),
            ({"origin": "https://a", "host": "127.0.0.1:8000", "sec-fetch-site": "cross-site"}, False),
            ({"origin": "https://a", "host": "127.0.0.1:8000"}, False),
            ({"origin": "null", "host": "127.0.0.1:8000"}, False),
            ({"origin": "https://lab.example", "host": "127.0.0.1:8000"}, True),
            ({"origin": "http://lab.example", "host": "127.0.0.1:8000"}, False),
            ({"origin": "https://lab.example.evil.example", "host": "127.0.0.1:8000"}, False),
        ],
    )
    def test_pages_of_the_server_and_of_allowed_sites(self, headers, allowed):
        assert Proxy(("https://lab.example",)).allows(Headers(headers)) is allowed

    def test_star_allows_every_page(self):
        assert Proxy(("*",)).allows(Headers({"origin": "null", "host": "a"}))


@pytest.mark.parametrize(
    ("headers", "local"),
    [
        *(({"host": host}, True) for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]")),
        *(
            ({"host": host}, False)
            for host in ("evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io:80", "10.0.0.1", "", "::1")
        ),
        ({}, False),
        *(({"host": "127.0.0.1:8000", name: "10.0.0.1"}, False) for name in ("x-forwarded-for", "forwarded", "x-forwarded-host")),
    ],
)
def test_local_requests_have_a_local_name_and_no_proxy(headers, local):
    assert is_local(Headers(headers)) is local


@pytest.mark.parametrize(
    ("origin", "advice"),
    [
        ("https://lab.example", "Allow pages of that site with --allow-origin https://lab.example."),
        ("null", "Only pages from a web server can be allowed"),
        ("https://" + "a" * 200 + ".example", f"--allow-origin https://{'a' * 200}.example."),
    ],
)
def test_advice_for_refused_origins_can_be_followed(origin, advice):
    assert advice in Proxy().advice(origin)


@pytest.mark.parametrize(
    ("root", "path", "wanted"),
    [
        ("", "/v2", "/v2"),
        ("/dream", "/dream/v2", "/v2"),
        ("/dream", "/v2", "/v2"),
        ("/dream", "/dream", ""),
        ("/dream", "/dream/", "/"),
        ("/dream", "/dreams/v2", "/dreams/v2"),
        ("/a/b", "/a/b/v2", "/v2"),
    ],
)
def test_root_path_is_removed_once(root, path, wanted):
    assert Proxy(root_path=root).path(path) == wanted


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "origin"),
        [
            ("*", "*"),
            ("https://Lab.Example.org/", "https://lab.example.org"),
            ("https://a:443", "https://a"),
            ("http://a:443", "http://a:443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ],
    )
    def test_origins_are_written_as_browsers_send_them(self, text, origin):
        assert parse_origin(text) == origin

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "lab.example.org",
            "https://",
            "https://a/page",
            "ftp://a",
            "https://a:x",
            "https://u@a",
            "null",
            "https://[a",
            "https://*.example.org",
            "https://bücher.example",
            "https://a b",
            " https://a",
            "https://a\n",
            "https://-a.example",
        ],
    )
    def test_other_texts_are_no_origins(self, text):
        with pytest.raises(InputError, match="Expected an origin such as"):
            parse_origin(text)

    @pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/dream", "/dream"), ("/dream/", "/dream"), ("/a/b-c", "/a/b-c")])
    def test_root_paths_have_no_slash_at_the_end(self, text, path):
        assert parse_root_path(text) == path

    @pytest.mark.parametrize("text", ["dream", "/a//b", "/a b", "http://a/dream", "/a?b", "/%41", "/..", "/a/../b", "/./a"])
    def test_other_texts_are_no_root_paths(self, text):
        with pytest.raises(InputError, match="Expected a path such as /dream"):
            parse_root_path(text)

    @pytest.mark.parametrize("text", ["/v1", "/v2/", "/v1/models", "/page", "/docs", "/metrics", "/openapi.json"])
    def test_root_paths_do_not_hide_paths_of_the_server(self, text):
        with pytest.raises(InputError, match="paths of the server begin with /"):
            parse_root_path(text)

    def test_trusted_addresses_are_split_at_commas(self):
        assert parse_trusted(["127.0.0.1, 10.0.0.0/8", "::1"]) == ("127.0.0.1", "10.0.0.0/8", "::1")
        assert parse_trusted(["*"]) == ("*",)
        assert parse_trusted(["127.0.0.1,*"]) == ("*",)

    @pytest.mark.parametrize("text", ["", "localhost", "10.0.0.0/99", "10.0.0.1,", "10.0.0.1/8"])
    def test_other_texts_are_no_addresses(self, text):
        with pytest.raises(InputError, match="Expected IP addresses, networks"):
            parse_trusted([text])
