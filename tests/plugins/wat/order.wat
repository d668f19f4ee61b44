;; Says who is called, marks the message, and answers; for chains of plugins. The mode is the plugin's mark.
;; include prelude.wat
(global $mode (mut i32) (i32.const 0))
(global $mode_size (mut i32) (i32.const 0))

;; Plugins that share a VM share its globals, so the mark is read anew: the configuration of the plugin that is called.
(func $mark
  (call $clear_results)
  (drop (call $get_property $"plugin_name" (i32.const 0) (i32.const 4)))
  (global.set $mode (i32.load (i32.const 0)))
  (global.set $mode_size (i32.load (i32.const 4))))

(func $here (param $at i32) (param $size i32)
  (call $mark)
  (call $put (local.get $at) (local.get $size))
  (call $put $" in ")
  (call $say (global.get $mode) (global.get $mode_size)))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))

(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
  (call $show_buffer (i32.const 7) (i32.const 0) (local.get $size))
  (i32.const 1))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (call $here $"request headers")
  (drop (call $add (i32.const 0) $"x-request-mark" (global.get $mode) (global.get $mode_size)))
  (i32.const 0))

(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (call $here $"request body")
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (call $here $"response headers")
  (drop (call $add (i32.const 2) $"x-response-mark" (global.get $mode) (global.get $mode_size)))
  (i32.const 0))

(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
  (call $here $"response body")
  (i32.const 0))

(func (export "proxy_on_log") (param i32) (call $here $"log"))
(func (export "proxy_on_done") (param i32) (result i32) (call $here $"done") (i32.const 1))
(func (export "proxy_on_delete") (param i32) (call $say $"delete"))
