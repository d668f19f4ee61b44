;; Asks `side` once for each request, holds the request until the answer, and marks the response. A request for "/be/bad" fails
;; instead, as @trap@ says: what happens to those that are held meanwhile?
;; include prelude.wat
(global $bad (mut i32) (i32.const 0))
(global $exchanges (mut i32) (i32.const 0))

(func $deeper (param i32) (result i32)
  (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))

(func $endless
  (loop $again (br $again)))

(func $hoard
  (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
  (unreachable))

(func (export "_initialize")
  (global.set $exchanges (call $allocate (i32.const 262144))))

;; By the lowest bits of a call's id: its exchange.
(func $exchange_of (param $token i32) (result i32)
  (i32.add (global.get $exchanges) (i32.and (local.get $token) (i32.const 262140))))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
  (call $clear_results)
  (drop (call $get_value (i32.const 0) $":path" (i32.const 0) (i32.const 4)))
  (if (i32.and (i32.ge_u (i32.load (i32.const 4)) (i32.const 7)) (call $same (i32.load (i32.const 0)) $"/be/bad"))
    (then @trap@))
  (if (call $http_call $"side" $pairs{":method" "GET" ":path" "/" ":authority" "side.test"}
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10000) (i32.const 8))
    (then (return (i32.const 0))))
  (i32.store (call $exchange_of (i32.load (i32.const 8))) (local.get $id))
  (i32.const 1))

(func (export "proxy_on_http_call_response") (param i32) (param $token i32) (param i32 i32 i32)
  (drop (call $set_effective (i32.load (call $exchange_of (local.get $token)))))
  (drop (call $continue (i32.const 0))))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (drop (call $add (i32.const 2) $"x-plugin" $"was here"))
  (i32.const 0))
