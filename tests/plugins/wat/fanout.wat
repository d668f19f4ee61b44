;; Holds each response until its side requests are back, then marks it: what tests/bench/plugin does, with the same
;; configuration: {"dispatchCluster": "side", "dispatchCount": 3, ...}, in this order. Any number of plugins in a VM, any number
;; of exchanges at once (up to 65536). For tests/soak.
;; include prelude.wat
;; Behind the heap's beginning, by the lowest bits of their ids: of a root context its cluster (address, length) and count;
;; of an exchange its root context and how many calls it waits for; of a call its exchange.
(global $roots (mut i32) (i32.const 0))
(global $exchanges (mut i32) (i32.const 0))
(global $calls (mut i32) (i32.const 0))

(func (export "_initialize")
  (global.set $roots (call $allocate (i32.const 1048576)))
  (global.set $exchanges (call $allocate (i32.const 524288)))
  (global.set $calls (call $allocate (i32.const 262144))))

(func $root (param $id i32) (result i32)
  (i32.add (global.get $roots) (i32.shl (i32.and (local.get $id) (i32.const 65535)) (i32.const 4))))
(func $exchange (param $id i32) (result i32)
  (i32.add (global.get $exchanges) (i32.shl (i32.and (local.get $id) (i32.const 65535)) (i32.const 3))))
(func $call_at (param $token i32) (result i32)
  (i32.add (global.get $calls) (i32.and (local.get $token) (i32.const 262140))))

(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
  (i32.const 1))

;; The cluster stands between the third and the fourth quotation mark, the count is the first number behind it.
(func (export "proxy_on_configure") (param $context i32) (param $size i32) (result i32)
  (local $at i32) (local $end i32) (local $byte i32) (local $marks i32) (local $cluster i32) (local $count i32)
  (call $clear_results)
  (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
  (local.set $at (i32.load (i32.const 0)))
  (local.set $end (i32.add (local.get $at) (i32.load (i32.const 4))))
  (block $all
    (loop $next
      (br_if $all (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (if (i32.eq (local.get $byte) (i32.const 34))
        (then
          (local.set $marks (i32.add (local.get $marks) (i32.const 1)))
          (if (i32.eq (local.get $marks) (i32.const 3))
            (then (local.set $cluster (i32.add (local.get $at) (i32.const 1)))))
          (if (i32.eq (local.get $marks) (i32.const 4))
            (then
              (i32.store (call $root (local.get $context)) (local.get $cluster))
              (i32.store offset=4 (call $root (local.get $context)) (i32.sub (local.get $at) (local.get $cluster)))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.gt_u (local.get $marks) (i32.const 5))
        (then
          (if (i32.lt_u (i32.sub (local.get $byte) (i32.const 48)) (i32.const 10))
            (then
              (local.set $count (i32.add (i32.mul (local.get $count) (i32.const 10)) (i32.sub (local.get $byte) (i32.const 48))))
              (br $next))
            (else (br_if $all (local.get $count))))))
      (br $next)))
  (i32.store offset=8 (call $root (local.get $context)) (local.get $count))
  (i32.ne (local.get $count) (i32.const 0)))

(func (export "proxy_on_context_create") (param $context i32) (param $root i32)
  (i32.store (call $exchange (local.get $context)) (local.get $root))
  (i32.store offset=4 (call $exchange (local.get $context)) (i32.const 0)))

(func (export "proxy_on_response_headers") (param $context i32) (param i32 i32) (result i32)
  (local $own i32) (local $root i32) (local $left i32)
  (local.set $own (call $exchange (local.get $context)))
  (local.set $root (call $root (i32.load (local.get $own))))
  (local.set $left (i32.load offset=8 (local.get $root)))
  (block $all
    (loop $next
      (br_if $all (i32.eqz (local.get $left)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $all (call $http_call (i32.load (local.get $root)) (i32.load offset=4 (local.get $root))
        $pairs{":method" "GET" ":path" "/ok" ":authority" "side"}
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 50000) (i32.const 0)))
      (i32.store (call $call_at (i32.load (i32.const 0))) (local.get $context))
      (i32.store offset=4 (local.get $own) (i32.add (i32.load offset=4 (local.get $own)) (i32.const 1)))
      (br $next)))
  (i32.ne (i32.load offset=4 (local.get $own)) (i32.const 0)))

(func (export "proxy_on_http_call_response") (param $root_id i32) (param $token i32) (param i32 i32 i32)
  (local $context i32) (local $own i32)
  (local.set $context (i32.load (call $call_at (local.get $token))))
  (local.set $own (call $exchange (local.get $context)))
  (i32.store offset=4 (local.get $own) (i32.sub (i32.load offset=4 (local.get $own)) (i32.const 1)))
  (if (i32.load offset=4 (local.get $own)) (then (return)))
  ;; Fails when the exchange is over.
  (if (call $set_effective (local.get $context)) (then (return)))
  (call $put_number (i32.load offset=8 (call $root (local.get $root_id))))
  (drop (call $add (i32.const 2) $"total-dispatched" (i32.const 1024) (i32.sub (global.get $end) (i32.const 1024))))
  (global.set $end (i32.const 1024))
  (drop (call $continue (i32.const 1)))
  (drop (call $set_effective (i32.const 0))))
