;; Holds the request for "/be/held" until a tick, and asks `side` then; one for "/be/bad" fails. Each response says what the
;; last call out was answered.
;; include prelude.wat
(global $held (mut i32) (i32.const 0))
(global $status (mut i32) (i32.const 99))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (drop (call $set_tick (i32.const 800)))
  (i32.const 1))

(func $path_is (param $at i32) (param $size i32) (result i32)
  (call $clear_results)
  (drop (call $get_value (i32.const 0) $":path" (i32.const 0) (i32.const 4)))
  (if (i32.ne (i32.load (i32.const 4)) (local.get $size)) (then (return (i32.const 0))))
  (call $same (i32.load (i32.const 0)) (local.get $at) (local.get $size)))

(func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
  (if (call $path_is $"/be/bad") (then (unreachable)))
  (if (call $path_is $"/be/held")
    (then
      (global.set $held (local.get $id))
      (return (i32.const 1))))
  (i32.const 0))

(func (export "proxy_on_tick") (param i32)
  (if (i32.eqz (global.get $held)) (then (return)))
  (drop (call $set_effective (global.get $held)))
  (global.set $status (call $http_call $"side" $pairs{":method" "GET" ":path" "/" ":authority" "side.test"}
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10000) (i32.const 8)))
  (drop (call $continue (i32.const 0)))
  (global.set $held (i32.const 0)))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.rem_u (global.get $status) (i32.const 10))))
  (drop (call $add (i32.const 2) $"x-call" (i32.const 16) (i32.const 1)))
  (i32.const 0))
