;; For plugins that only start and are steered by a word: the plugin's configuration is its mode.
;; include prelude.wat
(global $mode (mut i32) (i32.const 0))
(global $mode_size (mut i32) (i32.const 0))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
  (call $clear_results)
  (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
  (global.set $mode (i32.load (i32.const 0)))
  (global.set $mode_size (i32.load (i32.const 4)))
  (i32.const 1))

(func $mode_is (param $at i32) (param $size i32) (result i32)
  (if (i32.ne (local.get $size) (global.get $mode_size)) (then (return (i32.const 0))))
  (call $same (local.get $at) (global.get $mode) (local.get $size)))
