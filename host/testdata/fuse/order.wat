;; A start function writes what a later segment overwrites.
(component
  (core module $a
    (memory (export "m") 1)
    (func $start (i32.store8 (i32.const 0) (i32.const 7)) (i32.store8 (i32.const 1) (i32.const 8)))
    (start $start))
  (core module $b
    (import "a" "m" (memory 1))
    (data (i32.const 0) "\09")
    (func (export "run") (result i32) (i32.load (i32.const 0))))
  (core instance $a (instantiate $a))
  (core instance $b (instantiate $b (with "a" (instance $a))))
  (func (export "run") (result u32) (canon lift (core func $b "run"))))
