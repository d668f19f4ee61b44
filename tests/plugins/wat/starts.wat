;; The start of a plugin: what it is given, and what happens when it refuses. @start@ and @configure@ are the answers.
;; include prelude.wat
(func (export "_initialize")
  (call $say $"initialize"))

(func (export "proxy_on_context_create") (param $id i32) (param $root i32)
  (call $put $"context ")
  (call $put_number (local.get $id))
  (call $tell $" of" (local.get $root)))

(func (export "proxy_on_vm_start") (param $context i32) (param $size i32) (result i32)
  (call $put $"vm start of ")
  (call $put_number (local.get $context))
  (call $tell $", bytes" (local.get $size))
  (call $show_buffer (i32.const 6) (i32.const 0) (local.get $size))
  (call $show_buffer (i32.const 7) (i32.const 0) (i32.const 100))
  @start@)

(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
  (call $put $"configure ")
  (call $put_number (local.get $context))
  (call $tell $", bytes" (local.get $size))
  (call $show_buffer (i32.const 7) (i32.const 0) (local.get $size))
  (call $show_buffer (i32.const 7) (i32.const 2) (i32.const 3))
  (call $show_buffer (i32.const 6) (i32.const 0) (i32.const 100))
  (call $show_property $"plugin_name")
  (call $show_property $"plugin_root_id")
  (call $show_property $"plugin_vm_id")
  @configure@)

(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
  (call $show_header (i32.const 6) $":status"))

(func (export "proxy_on_done") (param $id i32) (result i32)
  (call $tell $"done of" (local.get $id))
  (i32.const 1))

(func (export "proxy_on_delete") (param $id i32)
  (call $tell $"delete of" (local.get $id)))
