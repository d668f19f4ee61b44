;; A plugin of ABI 0.1.0: two parameters for header callbacks, malloc, _start, and the host calls that 0.2.0 has renamed.
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $get_value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_configuration" (func $get_configuration (param i32 i32) (result i32)))
(import "env" "proxy_continue_request" (func $continue_request (result i32)))
(import "env" "proxy_continue_response" (func $continue_response (result i32)))
(import "env" "proxy_clear_route_cache" (func $clear_route_cache (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $set_effective (param i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
(memory (export "memory") 4)
(func (export "proxy_abi_version_0_1_0"))
(global $heap (mut i32) (i32.const 196608))
(global $stream (mut i32) (i32.const 0))
(global $response (mut i32) (i32.const 0))

(func (export "malloc") (param $size i32) (result i32)
  (global.get $heap)
  (global.set $heap (i32.and (i32.add (i32.add (global.get $heap) (local.get $size)) (i32.const 15)) (i32.const -16))))

(func $say (param $at i32) (param $size i32)
  (drop (call $log (i32.const 2) (local.get $at) (local.get $size))))

;; Log a name, the status as a digit, and the bytes at (0, 4).
(func $show (param $at i32) (param $size i32) (param $status i32)
  (memory.copy (i32.const 1024) (local.get $at) (local.get $size))
  (i32.store8 (i32.add (i32.const 1024) (local.get $size)) (i32.add (i32.const 48) (local.get $status)))
  (memory.copy (i32.add (i32.const 1025) (local.get $size)) (i32.load (i32.const 0)) (i32.load (i32.const 4)))
  (drop (call $log (i32.const 2) (i32.const 1024)
    (i32.add (i32.add (local.get $size) (i32.const 1)) (i32.load (i32.const 4)))))
  (i64.store (i32.const 0) (i64.const 0)))

(func (export "_start")
  (call $say $"start"))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (call $say $"vm start")
  (i32.const 1))

(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (call $show $"configuration " (call $get_configuration (i32.const 0) (i32.const 4)))
  (i32.const 1))

;; The stream waits for the next tick.
(func $wait (param $id i32) (param $response i32) (result i32)
  (global.set $stream (local.get $id))
  (global.set $response (local.get $response))
  (drop (call $set_tick (i32.const 20)))
  (i32.const 1))

(func (export "proxy_on_tick") (param i32)
  (drop (call $set_tick (i32.const 0)))
  (call $show $"effective context " (call $set_effective (global.get $stream)))
  (if (global.get $response)
    (then (call $show $"continue response " (call $continue_response)))
    (else (call $show $"continue request " (call $continue_request)))))

(func (export "proxy_on_context_create") (param i32 i32)
  (call $say $"context create"))

(func (export "proxy_on_request_headers") (param i32 i32) (result i32)
  (call $show $"path " (call $get_value (i32.const 0) $":path" (i32.const 0) (i32.const 4)))
  (call $show $"missing " (call $get_value (i32.const 0) $"x-missing" (i32.const 0) (i32.const 4)))
  (call $show $"add " (call $add (i32.const 0) $"x-legacy" $"1"))
  (call $show $"clear route cache " (call $clear_route_cache))
  (call $wait (local.get 0) (i32.const 0)))

(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (call $show $"request body " (call $get_buffer (i32.const 0) (i32.const 0) (local.get 1) (i32.const 0) (i32.const 4)))
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32) (result i32)
  (call $show $"missing " (call $get_value (i32.const 2) $"x-missing" (i32.const 0) (i32.const 4)))
  (call $show $"add " (call $add (i32.const 2) $"x-legacy" $"2"))
  (call $wait (local.get 0) (i32.const 1)))

(func (export "proxy_on_log") (param i32) (call $say $"log"))
(func (export "proxy_on_done") (param i32) (result i32) (call $say $"done") (i32.const 1))
(func (export "proxy_on_delete") (param i32) (call $say $"delete"))
