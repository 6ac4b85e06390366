;; Five memories: a module has four at most.
(component
  (core module $a (memory (export "m") 1) (data (i32.const 0) "\01"))
  (core module $b (memory (export "m") 1) (data (i32.const 0) "\02"))
  (core module $c (memory (export "m") 1) (data (i32.const 0) "\03"))
  (core module $d
    (import "a" "m" (memory $a 1)) (import "b" "m" (memory $b 1)) (import "c" "m" (memory $c 1))
    (memory $own 1)
    (data (memory $own) (i32.const 0) "\04")
    (func (export "f") (result i32)
      (i32.store8 $own (i32.const 0) (i32.add (i32.load8_u $own (i32.const 0)) (i32.load8_u $a (i32.const 0))))
      (i32.add (i32.load8_u $own (i32.const 0)) (i32.add (i32.load8_u $b (i32.const 0)) (i32.load8_u $c (i32.const 0))))))
  (core module $e
    (import "d" "f" (func $f (result i32)))
    (memory 1)
    (data (i32.const 0) "\05")
    (func (export "run") (result i32) (i32.mul (call $f) (i32.load8_u (i32.const 0)))))
  (core instance $a (instantiate $a))
  (core instance $b (instantiate $b))
  (core instance $c (instantiate $c))
  (core instance $d (instantiate $d (with "a" (instance $a)) (with "b" (instance $b)) (with "c" (instance $c))))
  (core instance $e (instantiate $e (with "d" (instance $d))))
  (func (export "run") (result u32) (canon lift (core func $e "run"))))
