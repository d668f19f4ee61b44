"""Configuration files of the proxies: one bootstrap for Envoy and Holdfast, templates under peers/ for the others."""
import json
import os

from . import BENCH
from .cases import HOST

TYPE = "type.googleapis.com/"
MANAGER = TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
NGINX_MODULES = "/usr/lib/nginx/modules"
KEEPALIVE = {False: 4096, True: 45000}  # nginx's idle upstream connections; when late: all of a hold.
CONNECTIONS = {False: 16384, True: 80000}


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, ports):
    most = {name: 1_000_000 for name in ("max_connections", "max_pending_requests", "max_requests")}
    return {
        "name": name,
        "connect_timeout": "5s",
        "type": "STATIC",
        "lb_policy": "ROUND_ROBIN",
        "circuit_breakers": {"thresholds": [most]},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}} for port in ports]}],
        },
    }


def virtual_hosts(hosts):
    """`hosts` named ones with a cluster each, or one for all names."""
    if not hosts:
        return [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "main"}}]}]
    stem, _, rest = HOST.partition("777")
    return [
        {
            "name": f"host{i}",
            "domains": [f"{stem}{i}{rest}"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": f"main{i}"}}],
        }
        for i in range(hosts)
    ]


def dispatch(count, pipelined):
    config = {"@type": TYPE + "holdfast.filters.http.dispatch.v1.Dispatch", "cluster": "side", "count": count,
              "authority": "side"}
    if pipelined:
        config["max_pipelined"] = pipelined
    return {"name": "dispatch", "typed_config": config}


def plugin(count, wasm, authority):
    configuration = {"@type": TYPE + "google.protobuf.StringValue",
                     "value": json.dumps({"dispatchCluster": "side", "dispatchCount": count, "authority": authority})}
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(wasm)}}}
    return {
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {"name": "fanout", "configuration": configuration, "vm_config": machine},
        },
    }


def bootstrap(port, main, side, filters=(), hosts=0):
    """As JSON, which both read as YAML."""
    router = {"name": "envoy.filters.http.router",
              "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.router.v3.Router"}}
    manager = {
        "@type": MANAGER,
        "stat_prefix": "ingress_http",
        "route_config": {"name": "local_route", "virtual_hosts": virtual_hosts(hosts)},
        "http_filters": [*filters, router],
    }
    listener = {
        "name": "main",
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }
    clusters = [cluster(f"main{i}", [main]) for i in range(hosts)] if hosts else [cluster("main", [main])]
    if filters:
        clusters.append(cluster("side", side))
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}})


def fill(name, **values):
    text = (BENCH / "peers" / name).read_text()
    for word in sorted(values, key=len, reverse=True):
        text = text.replace(word, str(values[word]))
    return text


def nginx(server, run, port, main, side, fan, late, files):
    """`server` names the template of the server part."""
    modules = {"nginx-lua": ("ndk_http_module", "ngx_http_lua_module"), "nginx-njs": ("ngx_http_js_module",)}
    return fill(
        "nginx.conf",
        SERVER=fill(server + ".conf", PORT=port, FANOUT=fan, PEERDIR=BENCH / "peers"),
        MODULES=" ".join(f"load_module {NGINX_MODULES}/{module}.so;" for module in modules.get(server, ())),
        RUNDIR=run,
        BACKEND=main,
        SIDESERVERS=" ".join(f"server 127.0.0.1:{other};" for other in side),
        KEEPALIVE=KEEPALIVE[late],
        CONNECTIONS=min(CONNECTIONS[late], files),
        FILES=files,
    )


def nginx_module(name):
    return os.path.exists(f"{NGINX_MODULES}/{name}.so")
