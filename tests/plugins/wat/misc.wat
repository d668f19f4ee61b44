;; Logs, time, status, foreign functions, contexts, closing: what belongs to no message.
;; include lifecycle.wat
(global $previous (mut i32) (i32.const 0))

(func $levels
  (local $level i32)
  (loop $next
    (call $put $"at level ")
    (call $put_number (local.get $level))
    (call $flush_at (local.get $level))
    (local.set $level (i32.add (local.get $level) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $level) (i32.const 6))))
  (call $clear_results)
  (call $put $"get_log_level ")
  (call $put_number (call $get_log_level (i32.const 0)))
  (call $put $": ")
  (call $put_number (i32.load (i32.const 0)))
  (call $flush_at (i32.const 4)))

(func $texts
  (local $at i32)
  (call $say $"")
  (call $say $"two\nlines")
  (call $say $"tab\tand \c3\a9 and \\ and \"")
  (call $say $"zero\00inside")
  (local.set $at (call $allocate (i32.const 5000)))
  (memory.fill (local.get $at) (i32.const 120) (i32.const 5000))
  (call $tell $"long" (call $log (i32.const 2) (local.get $at) (i32.const 5000)))
  (call $tell $"level 6" (call $log (i32.const 6) $"six"))
  (call $tell $"level 99" (call $log (i32.const 99) $"ninety-nine"))
  (call $tell $"level -1" (call $log (i32.const -1) $"minus one")))

(func $call_foreign (param $name i32) (param $name_size i32) (param $at i32) (param $size i32)
  (local $status i32)
  (call $put $"foreign ")
  (call $put (local.get $name) (local.get $name_size))
  (i64.store (i32.const 16) (i64.const 0))
  (local.set $status (call $foreign (local.get $name) (local.get $name_size) (local.get $at) (local.get $size)
    (i32.const 16) (i32.const 20)))
  (i64.store (i32.const 0) (i64.load (i32.const 16)))
  (call $put_result (local.get $status)))

;; Where a result is wanted at address 0, Envoy writes none: the results stand at (16, 20).
(func $foreigners
  (local $at i32) (local $size i32)
  (call $call_foreign $"no_such" $"x")
  (call $call_foreign $"" $"")
  (i64.store (i32.const 16) (i64.const 0))
  (call $tell $"compress" (call $foreign $"compress" $"hello hello hello hello" (i32.const 16) (i32.const 20)))
  (local.set $at (i32.load (i32.const 16)))
  (local.set $size (i32.load (i32.const 20)))
  (call $tell $"is shorter" (i32.and (i32.gt_u (local.get $size) (i32.const 0)) (i32.lt_u (local.get $size) (i32.const 23))))
  (call $call_foreign $"uncompress" (local.get $at) (local.get $size))
  (call $call_foreign $"uncompress" $"this is not compressed")
  (call $call_foreign $"uncompress" $"")
  (call $call_foreign $"compress" $"")
  (call $call_foreign $"clear_route_cache" $"")
  (call $tell $"compress without a place for the result" (call $foreign $"compress" $"x" (i32.const 0) (i32.const 0))))

(func $contexts (param $own i32)
  (call $tell $"effective own" (call $set_effective (local.get $own)))
  (call $tell $"effective root" (call $set_effective (i32.const 1)))
  (call $show_header (i32.const 0) $":path")
  (call $tell $"continue there" (call $continue (i32.const 0)))
  (call $tell $"effective none" (call $set_effective (i32.const 0)))
  (call $tell $"effective unknown" (call $set_effective (i32.const 999)))
  (call $show_header (i32.const 0) $":path")
  (call $tell $"effective own" (call $set_effective (local.get $own)))
  (call $show_header (i32.const 0) $":path"))

(func $status
  (call $clear_results)
  (call $put $"get_status ")
  (call $put_number (call $get_status (i32.const 8) (i32.const 0) (i32.const 4)))
  (call $put $", code ")
  (call $put_number (i32.load (i32.const 8)))
  (call $tell $", bytes" (i32.load (i32.const 4))))

(func $grpc
  (call $tell $"grpc_call" (call $grpc_call $"\0a\00" $"service" $"method" (i32.const 0) (i32.const 0) $"x" (i32.const 1000) (i32.const 8)))
  (call $tell $"grpc_stream" (call $grpc_stream $"\0a\00" $"service" $"method" (i32.const 0) (i32.const 0) (i32.const 8)))
  (call $tell $"grpc_send" (call $grpc_send (i32.const 1) $"x" (i32.const 1)))
  (call $tell $"grpc_cancel" (call $grpc_cancel (i32.const 1)))
  (call $tell $"grpc_close" (call $grpc_close (i32.const 1))))

(func $streams
  (call $tell $"continue request" (call $continue (i32.const 0)))
  (call $tell $"continue downstream" (call $continue (i32.const 2)))
  (call $tell $"continue upstream" (call $continue (i32.const 3)))
  (call $tell $"continue 9" (call $continue (i32.const 9))))

(func $early
  (call $tell $"continue response" (call $continue (i32.const 1))))

(func $clock
  (call $tell $"time" (call $get_time (i32.const 8)))
  (call $tell $"after 2020" (i64.gt_u (i64.load (i32.const 8)) (i64.const 1577836800000000000))))

(func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
  (if (call $mode_is $"levels") (then (call $levels)))
  (if (call $mode_is $"texts") (then (call $texts)))
  (if (call $mode_is $"foreign") (then (call $foreigners)))
  (if (call $mode_is $"contexts") (then (call $contexts (local.get $id))))
  (if (call $mode_is $"status") (then (call $status)))
  (if (call $mode_is $"grpc") (then (call $grpc)))
  (if (call $mode_is $"streams") (then (call $streams)))
  (if (call $mode_is $"early") (then (call $early)))
  (if (call $mode_is $"clock") (then (call $clock)))
  (if (call $mode_is $"close request") (then (call $tell $"close" (call $close (i32.const 0))) (return (i32.const 1))))
  (if (call $mode_is $"close 9") (then (call $tell $"close" (call $close (i32.const 9)))))
  (if (call $mode_is $"done early") (then (call $tell $"done" (call $done))))
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (if (call $mode_is $"close response") (then (call $tell $"close" (call $close (i32.const 1))) (return (i32.const 1))))
  (if (call $mode_is $"close request late") (then (call $tell $"close" (call $close (i32.const 0)))))
  (i32.const 0))

;; The end of a stream: "done later" says at first that it is not done, and says so from the next tick.
(func (export "proxy_on_done") (param $id i32) (result i32)
  (call $tell $"done of" (local.get $id))
  (if (call $mode_is $"done later")
    (then
      (global.set $previous (local.get $id))
      (drop (call $set_tick (i32.const 20)))
      (return (i32.const 0))))
  (i32.const 1))

(func (export "proxy_on_tick") (param i32)
  (drop (call $set_tick (i32.const 0)))
  (call $tell $"effective context" (call $set_effective (global.get $previous)))
  (call $tell $"done" (call $done)))

(func (export "proxy_on_log") (param $id i32)
  (call $tell $"log of" (local.get $id)))

(func (export "proxy_on_delete") (param $id i32)
  (call $tell $"delete of" (local.get $id)))
