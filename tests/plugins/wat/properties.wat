;; Properties: those of a list, which is a parameter, at each phase; and what set_property makes of them.
;; include lifecycle.wat
(func $all
@list@
)

(func $set (param $at i32) (param $size i32)
  (call $put $"set ")
  (call $put_text (local.get $at) (local.get $size))
  (call $tell $"" (call $set_property (local.get $at) (local.get $size) $"value"))
  (call $show_property (local.get $at) (local.get $size)))

(func $sets
  (call $set $"own")
  (call $set $"own\00part")
  (call $set $"")
  (call $set $"request\00path")
  (call $show_property $"wasm.own")
  (call $show_property $"filter_state\00wasm.own")
  (call $tell $"set again" (call $set_property $"own" $"other"))
  (call $show_property $"own")
  (call $tell $"set empty" (call $set_property $"own" $""))
  (call $show_property $"own"))

(func $phase (param $at i32) (param $size i32)
  (if (call $mode_is $"all") (then (call $say (local.get $at) (local.get $size)) (call $all)))
  (if (call $mode_is $"read") (then (call $show_property $"own"))))

(func (export "proxy_on_context_create") (param $id i32) (param $root i32)
  (if (local.get $root) (then (call $phase $"# context create"))))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (call $phase $"# request headers")
  (if (call $mode_is $"set") (then (call $sets)))
  (i32.const 0))
(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (call $phase $"# request body") (i32.const 0))
(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (call $phase $"# response headers")
  (if (call $mode_is $"set") (then (call $show_property $"own")))
  (i32.const 0))
(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
  (call $phase $"# response body") (i32.const 0))
(func (export "proxy_on_log") (param i32)
  (call $phase $"# log"))
(func (export "proxy_on_done") (param i32) (result i32)
  (call $phase $"# done") (i32.const 1))
