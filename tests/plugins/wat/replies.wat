;; Local replies: the mode names the phase that sends one; "then continue" makes that callback answer Continue.
;; include lifecycle.wat
(func $reply (result i32)
  (call $tell $"local response" (call $local_response (i32.const 403) $"my_details" $"local body\n"
    $pairs{"x-local" "1" "content-type" "text/x" "x-local" "2"} (i32.const -1)))
  (i32.const 1))

(func $plain (param $status i32) (result i32)
  (call $tell $"local response" (call $local_response (local.get $status) $"" $"" (i32.const 0) (i32.const 0) (i32.const 7)))
  (i32.const 1))

(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
  (if (call $mode_is $"request headers") (then (return (call $reply))))
  (if (call $mode_is $"request headers then continue") (then (drop (call $reply)) (return (i32.const 0))))
  (if (call $mode_is $"empty") (then (return (call $plain (i32.const 204)))))
  (if (call $mode_is $"status 0") (then (return (call $plain (i32.const 0)))))
  (if (call $mode_is $"status 99") (then (return (call $plain (i32.const 99)))))
  (if (call $mode_is $"status 999") (then (return (call $plain (i32.const 999)))))
  (if (call $mode_is $"twice") (then (drop (call $reply)) (return (call $plain (i32.const 500)))))
  (if (call $mode_is $"then resume")
    (then (drop (call $reply)) (call $tell $"continue" (call $continue (i32.const 0))) (return (i32.const 1))))
  (if (call $mode_is $"framing headers")
    (then
      (call $tell $"local response" (call $local_response (i32.const 200) $"" $"abc"
        $pairs{"content-length" "2" "transfer-encoding" "chunked" "server" "mine" ":status" "201" "Upper" "U"} (i32.const -1)))
      (return (i32.const 1))))
  (i32.const 0))

(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
  (call $tell $"request body" (local.get 1))
  (if (call $mode_is $"request body") (then (return (call $reply))))
  (if (i32.and (call $mode_is $"request body at its end") (local.get 2)) (then (return (call $reply))))
  (i32.const 0))

(func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
  (if (call $mode_is $"request trailers") (then (return (call $reply))))
  (i32.const 0))

(func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
  (call $show_header (i32.const 2) $":status")
  (call $show_header (i32.const 2) $"x-local")
  (if (call $mode_is $"response headers") (then (return (call $reply))))
  (if (call $mode_is $"response headers then continue") (then (drop (call $reply)) (return (i32.const 0))))
  (i32.const 0))

(func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
  (call $put $"response body ")
  (call $put_number (local.get 1))
  (call $tell $", end" (local.get 2))
  (if (call $mode_is $"response body") (then (return (call $reply))))
  (if (call $mode_is $"response body held")
    (then
      (if (local.get 2) (then (return (call $reply))))
      (return (i32.const 1))))
  (i32.const 0))

(func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
  (if (call $mode_is $"response trailers") (then (return (call $reply))))
  (i32.const 0))

(func (export "proxy_on_log") (param i32)
  (if (call $mode_is $"log") (then (drop (call $reply)))))
