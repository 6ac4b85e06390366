;; Three start functions, one of them another module's, which change what the
;; next one reads.
(component
  (core module $a
    (global (export "g") (mut i32) (i32.const 1))
    (func $mul (export "mul") (global.set 0 (i32.mul (global.get 0) (i32.const 3))))
    (func $start (global.set 0 (i32.add (global.get 0) (i32.const 4))))
    (start $start))
  (core module $b
    (import "a" "mul" (func $mul))
    (start $mul))
  (core module $c
    (import "a" "g" (global $g (mut i32)))
    (global $own (mut i32) (i32.const 0))
    (func $start (global.set $own (global.get $g)) (global.set $g (i32.const 100)))
    (start $start)
    (func (export "run") (result i32) (i32.add (global.get $own) (global.get $g))))
  (core instance $a (instantiate $a))
  (core instance (instantiate $b (with "a" (instance $a))))
  (core instance $c (instantiate $c (with "a" (instance $a))))
  (func (export "run") (result u32) (canon lift (core func $c "run"))))
