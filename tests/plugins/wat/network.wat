;; A filter of TCP connections: logs what it is told, and then does as its parameters say.
;; include lifecycle.wat
(global $connection (mut i32) (i32.const 0))
(global $data (mut i32) (i32.const 0))

(func (export "proxy_on_context_create") (param $context i32) (param $root i32)
  (if (local.get $root) (then (global.set $connection (local.get $context)))))

(func (export "proxy_on_new_connection") (param $context i32) (result i32)
  (call $say $"new connection")
  @new@)

(func $tell_data (param $at i32) (param $length i32) (param $size i32) (param $end i32)
  (call $put (local.get $at) (local.get $length))
  (call $put_number (local.get $size))
  (call $tell $", end" (local.get $end)))

(func (export "proxy_on_downstream_data") (param $context i32) (param $size i32) (param $end i32) (result i32)
  (call $tell_data $"from the client: " (local.get $size) (local.get $end))
  (call $show_buffer (i32.const 2) (i32.const 0) (local.get $size))
  @down@)

(func (export "proxy_on_upstream_data") (param $context i32) (param $size i32) (param $end i32) (result i32)
  (call $tell_data $"from the upstream: " (local.get $size) (local.get $end))
  (call $show_buffer (i32.const 3) (i32.const 0) (local.get $size))
  @up@)

(func (export "proxy_on_downstream_connection_close") (param $context i32) (param $how i32)
  (call $tell $"the client's connection is closed" (local.get $how))
  @closed@)

(func (export "proxy_on_upstream_connection_close") (param $context i32) (param $how i32)
  (call $tell $"the upstream's connection is closed" (local.get $how))
  @upstream_closed@)

(func (export "proxy_on_log") (param $context i32)
  (call $tell $"log of" (local.get $context))
  @log@)

(func (export "proxy_on_done") (param $context i32) (result i32)
  (call $tell $"done of" (local.get $context))
  (i32.const 1))

(func (export "proxy_on_delete") (param $context i32)
  (call $tell $"delete of" (local.get $context)))

(func (export "proxy_on_tick") (param $root i32)
  @tick@)
