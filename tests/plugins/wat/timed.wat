;; Ticks: they count, call, resume a waiting request, and end. The period is @period@ milliseconds, the count @count@.
;; include lifecycle.wat
(global $ticks (mut i32) (i32.const 0))
(global $waiting (mut i32) (i32.const 0))

(func $arm
  (call $tell $"period" (call $set_tick (i32.const @period@))))

(func (export "proxy_on_tick") (param $root i32)
  (local $status i32)
  (global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))
  (call $put $"tick of ")
  (call $put_number (local.get $root))
  (call $tell $"" (global.get $ticks))
  (if (call $mode_is $"call")
    (then
      (call $clear_results)
      (local.set $status (call $http_call $"side" $pairs{":method" "GET" ":path" "/tick" ":authority" "tick.test"}
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0)))
      (call $tell $"call" (local.get $status))))
  (if (i32.ge_u (global.get $ticks) (i32.const @count@))
    (then
      (call $tell $"stop" (call $set_tick (i32.const 0)))
      (if (global.get $waiting)
        (then
          (call $tell $"effective context" (call $set_effective (global.get $waiting)))
          (if (call $mode_is $"reply")
            (then
              (call $tell $"local response" (call $local_response (i32.const 418) $"" $"tick\n" (i32.const 0) (i32.const 0) (i32.const -1))))
            (else
              (call $show_header (i32.const 0) $":path")
              (call $tell $"add" (call $add (i32.const 0) $"x-ticked" $"yes"))
              (call $tell $"continue" (call $continue (i32.const 0))))))))))

(func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
  (call $tell $"callback in context" (local.get 0))
  (call $show_header (i32.const 6) $":status"))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (if (i32.or (call $mode_is $"from request") (call $mode_is $"call")) (then (call $arm)))
  (if (i32.or (call $mode_is $"postpone") (call $mode_is $"reply"))
    (then
      (global.set $waiting (local.get 0))
      (call $arm)
      (return (i32.const 1))))
  (i32.const 0))
