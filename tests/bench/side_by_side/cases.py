"""What is measured: the cases, and which peers take part in each."""
from dataclasses import dataclass

HOST = "host777.example"
BROWSER = {  # What a browser sends with a page's request: 20 fields with Host.
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "sec-ch-ua": '"Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "sec-ch-ua-full-version": '"128.0.6613.119"',
    "DNT": "1",
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Referer": "https://host777.example/some/where?page=2&sort=name",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7",
    "Cookie": "session=5f2b8c0e9d7a4163b2f1; theme=dark; _ga=GA1.1.1234567890.1700000000; consent=yes; last=%2Fsome%2Fwhere",
    "If-None-Match": 'W/"2d-8f3b1c0e9d7a4163"',
}

PLAIN = ("ours", "nginx", "haproxy", "envoy", "floor")
MOST = ("ours", "nginx", "haproxy", "floor")
FAN = ("ours", "ours-pipelined", "ours-wasm", "nginx-lua", "nginx-njs", "envoy-wasm", "envoy-wasm-empty", "go")
REFUSED = "envoy-wasm-empty"  # Its side requests have no authority, as the original's: the upstream refuses them.
FEW_HELD = 64


@dataclass(frozen=True)
class Case:
    """`kind`: how it is measured (a function of measure.py). `fan`: side requests per request. `late`: the side requests
    go to an upstream that answers late. `rounds`: at most so many, for what hardly varies (0 = as many as asked for)."""

    name: str
    what: str
    kind: str = "closed"
    connections: int = 64
    path: str = "/"
    fan: int = 0
    body: int = 0
    churn: bool = False
    headers: tuple = ()
    peers: tuple = PLAIN
    late: bool = False
    rounds: int = 0

    def request(self):
        lines = [f"{'POST' if self.body else 'GET'} {self.path} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.churn:
            lines.append("Connection: close")
        if self.body:
            lines += ["Content-Type: application/octet-stream", f"Content-Length: {self.body}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + b"x" * self.body


CASES = {case.name: case for case in (
    Case("pass", "small GET, 64 connections", peers=("ours", "ours-1000-hosts", "nginx", "haproxy", "envoy", "go", "floor")),
    Case("pass1", "small GET, 1 connection", connections=1, peers=MOST),
    Case("pass1k", "small GET, 1,000 connections", connections=1000),
    Case("browser", "20 request headers of a browser", headers=tuple(BROWSER.items()), peers=MOST),
    Case("post", "4 KiB request body", body=4096),
    Case("big", "64 KiB response", connections=16, path="/64k"),
    Case("huge", "4 MiB response", connections=4, path="/4m"),
    Case("churn", "a client connection per request", churn=True),
    Case("fan3", "response held for 3 side requests", fan=3, peers=FAN),
    Case("fan10", "response held for 10 side requests", fan=10, peers=FAN),
    Case("fan100", "response held for 100 side requests, 16 connections", fan=100, connections=16, peers=FAN),
    Case("latency", "small GETs at a fixed rate, 64 connections", kind="open"),
    Case("latency-fan3", "responses held for 3 side requests at a fixed rate, 64 connections", kind="open", fan=3,
         peers=("ours", "ours-pipelined", "nginx-lua", "envoy-wasm")),
    Case("storm", "2,000 connections at once, a small GET on each", kind="storm", connections=2000),
    Case("idle", "memory of an idle connection", kind="idle", connections=10000, rounds=2,
         peers=("ours", "nginx", "haproxy", "envoy")),
    Case("held", "memory of a held response, 3 side requests each", kind="held", connections=10000, fan=3, late=True,
         rounds=2, peers=("ours", "ours-pipelined", "nginx-lua", "envoy-wasm")),
    Case("held1", "memory of a held response, 1 side request each", kind="held", connections=10000, fan=1, late=True,
         rounds=2, peers=("ours", "nginx-lua")),
    Case("held-cost", "fan3 at one rate, few and many responses held", kind="held_cost", connections=10000, fan=3, late=True,
         peers=("ours", "ours-pipelined", "nginx-lua")),
    Case("held-cost1", "the same with 1 side request each", kind="held_cost", connections=10000, fan=1, late=True,
         peers=("ours",)),
)}
QUICK = ("pass", "big", "fan3", "latency")
QUICK_PEERS = ("ours", "nginx", "haproxy", "floor", "nginx-lua")

TITLES = {
    "ours": "Holdfast",
    "ours-pipelined": "Holdfast, pipelined",
    "ours-wasm": "Holdfast + plugin",
    "ours-1000-hosts": "Holdfast, 1,000 hosts",
    "nginx": "nginx",
    "nginx-lua": "nginx + Lua",
    "nginx-njs": "nginx + njs",
    "haproxy": "HAProxy",
    "envoy": "Envoy",
    "envoy-wasm": "Envoy + plugin",
    "envoy-wasm-empty": "Envoy + plugin, empty Host",
    "go": "Go httputil",
    "floor": "floor",
}


def yardstick(case):
    """The peer that is 1 in the tables and the chart."""
    return "nginx-lua" if case.fan else "nginx"
