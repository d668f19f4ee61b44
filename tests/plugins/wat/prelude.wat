;; What the WAT plugins share: the imports of ABI 0.2.1, an allocator that only grows, and functions that log what a host
;; call answered. tests/plugins/weave.py puts it where a plugin says "include", writes $"text" as an address and a length,
;; and adds the data. Memory: 0..63 results of host calls, 1024..65535 the line being written, then data, then the heap.
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_log_level" (func $get_log_level (param i32) (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $get_time (param i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
(import "env" "proxy_get_status" (func $get_status (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_status" (func $get_buffer_status (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_size" (func $get_map_size (param i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $get_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $get_value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
(import "env" "proxy_send_local_response"
  (func $local_response (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_http_call"
  (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_call"
  (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_stream"
  (func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_send" (func $grpc_send (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_grpc_cancel" (func $grpc_cancel (param i32) (result i32)))
(import "env" "proxy_grpc_close" (func $grpc_close (param i32) (result i32)))
(import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_register_shared_queue" (func $register_queue (param i32 i32 i32) (result i32)))
(import "env" "proxy_resolve_shared_queue" (func $resolve_queue (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
(import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
(import "env" "proxy_get_metric" (func $get_metric (param i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $set_effective (param i32) (result i32)))
(import "env" "proxy_done" (func $done (result i32)))
(import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))

(memory (export "memory") 4)
(func (export "proxy_abi_version_0_2_1"))

(global $heap (mut i32) (i32.const 196608))
(global $end (mut i32) (i32.const 1024))

(func $allocate (export "proxy_on_memory_allocate") (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (global.get $heap))
  (global.set $heap (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -16)))
  (block $enough
    (br_if $enough (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
    (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16))))))
  (local.get $at))

;; The line being written.
(func $put (param $at i32) (param $size i32)
  (memory.copy (global.get $end) (local.get $at) (local.get $size))
  (global.set $end (i32.add (global.get $end) (local.get $size))))

(func $put_byte (param $byte i32)
  (i32.store8 (global.get $end) (local.get $byte))
  (global.set $end (i32.add (global.get $end) (i32.const 1))))

(func $put_long (param $value i64)
  (if (i64.ge_u (local.get $value) (i64.const 10))
    (then (call $put_long (i64.div_u (local.get $value) (i64.const 10)))))
  (call $put_byte (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10))))))

(func $put_number (param $value i32)
  (call $put_long (i64.extend_i32_u (local.get $value))))

(func $put_digit (param $value i32)
  (call $put_byte (i32.add (local.get $value)
    (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $value) (i32.const 10))))))

(func $put_hex (param $at i32) (param $size i32)
  (local $byte i32)
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $size)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (call $put_digit (i32.shr_u (local.get $byte) (i32.const 4)))
      (call $put_digit (i32.and (local.get $byte) (i32.const 15)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br $next))))

;; As text with '.' in place of each byte that is not printable.
(func $put_text (param $at i32) (param $size i32)
  (local $byte i32)
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $size)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (call $put_byte (select (local.get $byte) (i32.const 46)
        (i32.lt_u (i32.sub (local.get $byte) (i32.const 32)) (i32.const 95))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br $next))))

(func $printable (param $at i32) (param $size i32) (result i32)
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $size)))
      (if (i32.ge_u (i32.sub (i32.load8_u (local.get $at)) (i32.const 32)) (i32.const 95))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br $next)))
  (i32.const 1))

(func $flush_at (param $level i32)
  (drop (call $log (local.get $level) (i32.const 1024) (i32.sub (global.get $end) (i32.const 1024))))
  (global.set $end (i32.const 1024)))

(func $flush
  (call $flush_at (i32.const 2)))

;; Log a text; a text and a number.
(func $say (param $at i32) (param $size i32)
  (call $put (local.get $at) (local.get $size))
  (call $flush))

(func $tell (param $at i32) (param $size i32) (param $value i32)
  (call $put (local.get $at) (local.get $size))
  (call $put $": ")
  (call $put_number (local.get $value))
  (call $flush))

(func $clear_results
  (i64.store (i32.const 0) (i64.const 0))
  (i64.store (i32.const 8) (i64.const 0)))

;; Log what a get of the host answered: a status that is not 0, or the bytes that it wrote at (0, 4).
(func $put_result (param $status i32)
  (local $at i32) (local $size i32)
  (if (local.get $status)
    (then
      (call $put $" -> status ")
      (call $put_number (local.get $status)))
    (else
      (local.set $at (i32.load (i32.const 0)))
      (local.set $size (i32.load (i32.const 4)))
      (call $put $" = [")
      (call $put_number (local.get $size))
      (call $put $"] ")
      (if (i32.gt_u (local.get $size) (i32.const 64)) (then (local.set $size (i32.const 64))))
      (if (call $printable (local.get $at) (local.get $size))
        (then (call $put (local.get $at) (local.get $size)))
        (else
          (call $put $"0x")
          (call $put_hex (local.get $at) (local.get $size))))))
  (call $flush))

(func $show_header (param $map i32) (param $at i32) (param $size i32)
  (call $put_text (local.get $at) (local.get $size))
  (call $clear_results)
  (call $put_result
    (call $get_value (local.get $map) (local.get $at) (local.get $size) (i32.const 0) (i32.const 4))))

(func $show_property (param $at i32) (param $size i32)
  (call $put_text (local.get $at) (local.get $size))
  (call $clear_results)
  (call $put_result (call $get_property (local.get $at) (local.get $size) (i32.const 0) (i32.const 4))))

(func $show_buffer (param $type i32) (param $start i32) (param $length i32)
  (call $put $"buffer ")
  (call $put_number (local.get $type))
  (call $put $" from ")
  (call $put_number (local.get $start))
  (call $put $" for ")
  (call $put_number (local.get $length))
  (call $clear_results)
  (call $put_result
    (call $get_buffer (local.get $type) (local.get $start) (local.get $length) (i32.const 0) (i32.const 4))))

(func $show_size (param $map i32)
  (local $status i32)
  (call $clear_results)
  (local.set $status (call $get_map_size (local.get $map) (i32.const 0)))
  (call $put $"bytes of map ")
  (call $put_number (local.get $map))
  (call $put $", status ")
  (call $put_number (local.get $status))
  (call $tell $", more than none" (i32.ne (i32.load (i32.const 0)) (i32.const 0))))

;; Log all fields of a map, each on a line of its own.
(func $show_pairs (param $map i32)
  (local $status i32) (local $count i32) (local $lengths i32) (local $at i32) (local $size i32)
  (call $clear_results)
  (local.set $status (call $get_pairs (local.get $map) (i32.const 0) (i32.const 4)))
  (call $put $"map ")
  (call $put_number (local.get $map))
  (if (local.get $status) (then (return (call $tell $" status" (local.get $status)))))
  (local.set $lengths (i32.load (i32.const 0)))
  (if (i32.load (i32.const 4)) (then (local.set $count (i32.load (local.get $lengths)))))
  (call $tell $" fields" (local.get $count))
  (local.set $lengths (i32.add (local.get $lengths) (i32.const 4)))
  (local.set $at (i32.add (local.get $lengths) (i32.mul (local.get $count) (i32.const 8))))
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $count)))
      (call $put $"  ")
      (local.set $size (i32.load (local.get $lengths)))
      (call $put (local.get $at) (local.get $size))
      (call $put $": ")
      (local.set $at (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 1)))
      (local.set $size (i32.load offset=4 (local.get $lengths)))
      (call $put (local.get $at) (local.get $size))
      (call $flush)
      (local.set $at (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 1)))
      (local.set $lengths (i32.add (local.get $lengths) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))

;; Comparing texts.
(func $same (param $left i32) (param $right i32) (param $size i32) (result i32)
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $size)))
      (if (i32.ne (i32.load8_u (local.get $left)) (i32.load8_u (local.get $right))) (then (return (i32.const 0))))
      (local.set $left (i32.add (local.get $left) (i32.const 1)))
      (local.set $right (i32.add (local.get $right) (i32.const 1)))
      (local.set $size (i32.sub (local.get $size) (i32.const 1)))
      (br $next)))
  (i32.const 1))
