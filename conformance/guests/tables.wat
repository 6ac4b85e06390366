;; A component for HTTP that answers nothing. It is made of three core instances,
;; since a module that is instantiated twice is not fused with others. It starts
;; with 6,000 elements in a table, grows that for as long as it may, and
;; traps when it then has more than 20,000.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (core module $empty)
  (core module $m
    (table $t 6000 funcref)
    (func (export "handle") (param i32 i32)
      (loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 100)) (i32.const -1))))
      (if (i32.gt_u (table.size $t) (i32.const 20000)) (then unreachable))))
  (core instance (instantiate $empty))
  (core instance (instantiate $empty))
  (core instance $i (instantiate $m))
  (func $handle (param "request" (own $request)) (param "response-out" (own $out))
    (canon lift (core func $i "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
