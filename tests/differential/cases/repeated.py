"""Fields that come twice, which Envoy joins where it keeps one of them; and referers that it drops."""
from harness import reply_always, request, response
from runner import Case, Read

REQUEST = (
    "accept accept-encoding accept-language access-control-request-headers access-control-request-method "
    "access-control-request-private-network authorization cache-control cdn-loop content-encoding content-type cookie date "
    "etag forwarded from grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range "
    "if-unmodified-since location origin pragma proxy-authorization proxy-status range referer server te user-agent vary via "
    "warning x-client-trace-id x-envoy-attempt-count x-envoy-external-address x-envoy-original-path x-envoy-retry-on "
    "x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id x-some"
).split()
RESPONSE = (
    "accept accept-ranges access-control-allow-credentials access-control-allow-headers access-control-allow-methods "
    "access-control-allow-origin access-control-allow-private-network access-control-expose-headers access-control-max-age "
    "age allow cache-control content-encoding content-language content-type date etag expires grpc-message grpc-status "
    "keep-alive last-modified link location origin proxy-status referer server set-cookie user-agent vary via warning "
    "www-authenticate x-envoy-attempt-count x-envoy-degraded x-envoy-ratelimited x-envoy-upstream-canary "
    "x-envoy-upstream-service-time x-request-id x-some"
).split()
REFERERS = {
    "kept": ("/ a ../a ?a * @ % a@b a,b //h:80/ /a:b /http://h http://h HTTP://H/ https://h/a?b=c http://h:0/ http://h:080 "
             "http://[::1]:80/ http://[1.2.3.4]/ http://999.1.1.1/ http://-h../ http://h?x@y http://h/<x>\"\\[]^`{|}%zz http://h/# "
             "http://h?## http://@h:80/ ftp://h/ android-app://com.g/ x+y-z.1://h").split() + [""],
    "dropped": ("http://h/a#f http://h# # a#b http://u:p@h/ http://u@h/ http://:@h/ http://@/ http://h:/ http://h:65536/ "
                "http://h:bad/x http://h:80:80/ http://[::1]x/ http://[::1 http://[]/ http://[zz]/ http://::1/ http:// "
                "http:///x http:/x http:x http://?x http://h_x/ http://h%41/ 1x://h ://h a:b ?a:b h:80/x about:blank <script> "
                "/<x> a\"b /\\ [ a^b a|b").split() + ["http://h/a b", "a b", "http://exa mple.com/"],
}


def twice(names, first, second):
    """Each name on two lines, with all the others between them."""
    return [(name, value) for value in (first, second) for name in names]


def referers(values):
    return [part for value in values for part in (request(headers=[("referer", value)]), Read())]


VALUES = {"two values": ("a", "b"), "an empty one first": ("", "b"), "an empty one last": ("a", "")}

CASES = [
    Case(f"repeated in requests, {listener}: {name}", f"forwarding:{listener}", request(headers=twice(REQUEST, *values)))
    for listener, wanted in {"plain": VALUES, "remote": ["two values"], "via": ["two values"]}.items()
    for name, values in VALUES.items() if name in wanted
] + [
    Case(f"repeated in responses, {listener}: {name}", f"forwarding:{listener}", request(),
         reply_always(response(headers=twice(RESPONSE, *values))))
    for listener, wanted in {"plain": VALUES, "via": ["two values"], "pass": ["two values"]}.items()
    for name, values in VALUES.items() if name in wanted
] + [
    Case(f"referer, {name}", "forwarding:plain", referers(values)) for name, values in REFERERS.items()
] + [
    Case(f"referer, twice: {first} and {second}", "forwarding:plain",
         request(headers=[("referer", first), ("x-a", "1"), ("referer", second)]))
    for first, second in (("/a", "/b"), ("/a", "a:b"), ("http://h/", "http://h:80"), ("", "http://u@h/"))
]
