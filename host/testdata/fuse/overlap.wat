;; Segments of later modules overwrite those of earlier ones.
(component
  (core module $a
    (memory (export "m") 1)
    (table (export "t") 3 funcref)
    (func $f (result i32) (i32.const 1))
    (elem (i32.const 0) func $f $f $f)
    (data (i32.const 0) "\01\01\01"))
  (core module $b
    (import "a" "m" (memory 1))
    (import "a" "t" (table 3 funcref))
    (func $f (result i32) (i32.const 20))
    (elem (i32.const 1) func $f $f)
    (data (i32.const 1) "\02\02"))
  (core module $c
    (import "a" "m" (memory 1))
    (import "a" "t" (table 3 funcref))
    (func $f (result i32) (i32.const 300))
    (elem (i32.const 2) func $f)
    (data (i32.const 2) "\03")
    (data (i32.const 65536) "")
    (func (export "run") (result i32)
      (i32.add (i32.load (i32.const 0)) (i32.add (call_indirect (result i32) (i32.const 0))
        (i32.add (call_indirect (result i32) (i32.const 1)) (call_indirect (result i32) (i32.const 2)))))))
  (core instance $a (instantiate $a))
  (core instance $b (instantiate $b (with "a" (instance $a))))
  (core instance $c (instantiate $c (with "a" (instance $a))))
  (func (export "run") (result u32) (canon lift (core func $c "run"))))
