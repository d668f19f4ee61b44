;; Does as its parameters say: when it is configured, with a request's head, with a response's, at a tick.
;; include prelude.wat
(global $stream (mut i32) (i32.const 0))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_configure") (param i32 i32) (result i32)
  @configure@
  (i32.const 1))

(func (export "proxy_on_context_create") (param $id i32) (param $root i32)
  (if (local.get $root) (then (global.set $stream (local.get $id)))))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  @request@
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  @response@
  (i32.const 0))

(func (export "proxy_on_tick") (param i32)
  @tick@
  (drop (call $set_tick (i32.const 0))))
