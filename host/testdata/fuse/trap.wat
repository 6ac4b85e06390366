;; A trap two calls deep, in a module with a name.
(component
  (core module $lib
    (memory 1)
    (func $unused)
    (func $deep (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
    (func $outer (export "f") (param i32) (result i32) (call $deep (local.get 0))))
  (core module $main
    (import "lib" "f" (func $f (param i32) (result i32)))
    (func (export "run") (result i32) (call $f (i32.const 0))))
  (core instance $lib (instantiate $lib))
  (core instance $main (instantiate $main (with "lib" (instance $lib))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))
