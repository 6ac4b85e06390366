;; A trap when an instance is made.
(component
  (core module $a
    (func $f (export "f") (unreachable)))
  (core module $main
    (import "a" "f" (func $f))
    (func $start (call $f))
    (start $start)
    (func (export "run") (result i32) (i32.const 1)))
  (core instance $a (instantiate $a))
  (core instance $main (instantiate $main (with "a" (instance $a))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))
