;; A plugin that fails in one callback, when the request's path begins with "/be/bad". The mode names the callback; @trap@ is
;; how it fails.
;; include lifecycle.wat
(global $bad (mut i32) (i32.const 0))

(func $deeper (param i32) (result i32)
  (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

(func $endless
  (loop $again (br $again)))

(func $fail
  @trap@)

(func $maybe (param $at i32) (param $size i32)
  (call $say (local.get $at) (local.get $size))
  (if (i32.and (call $mode_is (local.get $at) (local.get $size)) (global.get $bad)) (then (call $fail))))

(func (export "proxy_on_context_create") (param $id i32) (param $root i32)
  (if (i32.and (call $mode_is $"context create") (i32.ne (local.get $root) (i32.const 0)))
    (then (call $fail))))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (call $clear_results)
  (drop (call $get_value (i32.const 0) $":path" (i32.const 0) (i32.const 4)))
  (global.set $bad
    (i32.and (i32.ge_u (i32.load (i32.const 4)) (i32.const 7)) (call $same (i32.load (i32.const 0)) $"/be/bad")))
  (call $maybe $"request headers")
  (if (i32.and (i32.or (call $mode_is $"callback") (call $mode_is $"tick")) (global.get $bad))
    (then
      (if (call $mode_is $"tick") (then (drop (call $set_tick (i32.const 20)))))
      (if (call $mode_is $"callback")
        (then
          (drop (call $http_call $"side" $pairs{":method" "GET" ":path" "/" ":authority" "a"}
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0)))))
      (return (call $mode_is $"callback"))))
  (i32.const 0))

(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (call $maybe $"request body")
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (call $maybe $"response headers")
  (i32.const 0))

(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
  (call $maybe $"response body")
  (i32.const 0))

(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
  (call $maybe $"callback"))

(func (export "proxy_on_tick") (param i32)
  (call $maybe $"tick"))

(func (export "proxy_on_log") (param i32)
  (call $maybe $"log"))

(func (export "proxy_on_done") (param i32) (result i32)
  (call $maybe $"done")
  (i32.const 1))

(func (export "proxy_on_delete") (param i32)
  (call $maybe $"delete"))
