;; A filter of TCP connections: lets the client's bytes wait and puts its own behind them, again and again, until the host
;; refuses; then once before them.
;; include prelude.wat
(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (i32.const 1))

(func $put_to_it (param $start i32) (result i32)
  (call $set_buffer (i32.const 2) (local.get $start) (i32.const 0) (i32.const 0) (i32.const 196608)))

(func (export "proxy_on_downstream_data") (param $context i32) (param $size i32) (param $end i32) (result i32)
  (local $status i32) (local $pieces i32)
  (block $refused
    (loop $again  ;; An end, whatever the host allows: 131 MB.
      (local.set $status (call $put_to_it (i32.const -1)))
      (br_if $refused (local.get $status))
      (local.set $pieces (i32.add (local.get $pieces) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $pieces) (i32.const 700)))))
  (call $put $"behind: ")
  (call $put_number (local.get $status))
  (call $put $", before: ")
  (call $put_number (call $put_to_it (i32.const 0)))
  (drop (call $get_buffer_status (i32.const 2) (i32.const 0) (i32.const 4)))
  (call $tell $", waiting" (i32.load (i32.const 0)))
  (i32.const 1))
