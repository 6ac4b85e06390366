;; A module that is instantiated twice is not fused; nor are those on both sides
;; of it, which are alone.
(component
  (core module $a (global (export "g") (mut i32) (i32.const 1)))
  (core module $twice
    (import "a" "g" (global $g (mut i32)))
    (global $own (mut i32) (i32.const 0))
    (func (export "f") (result i32)
      (global.set $own (i32.add (global.get $own) (i32.const 1)))
      (global.set $g (i32.add (global.get $g) (global.get $own)))
      (global.get $g)))
  (core module $main
    (import "x" "f" (func $x (result i32)))
    (import "y" "f" (func $y (result i32)))
    (func (export "run") (result i32) (i32.add (call $x) (i32.add (call $x) (call $y)))))
  (core instance $a (instantiate $a))
  (core instance $x (instantiate $twice (with "a" (instance $a))))
  (core instance $y (instantiate $twice (with "a" (instance $a))))
  (core instance $main (instantiate $main (with "x" (instance $x)) (with "y" (instance $y))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))
