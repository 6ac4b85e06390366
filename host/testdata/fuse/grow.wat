;; What an adapter does when it starts: it makes room for a stack.
(component
  (core module $main
    (memory (export "memory") 1)
    (data (i32.const 0) "\05")
    (func (export "size") (result i32) (memory.size)))
  (core module $adapter
    (import "main" "memory" (memory 0))
    (import "main" "size" (func $size (result i32)))
    (global $stack (mut i32) (i32.const 0))
    (func $grow (global.set $stack (i32.mul (i32.const 65536) (memory.grow (i32.const 1)))))
    (func $start (call $grow) (i32.store (global.get $stack) (i32.add (i32.load8_u (i32.const 0)) (call $size))))
    (func (export "run") (result i32) (i32.add (global.get $stack) (i32.load (global.get $stack))))
    (start $start))
  (core instance $main (instantiate $main))
  (core instance $adapter (instantiate $adapter (with "main" (instance $main))))
  (func (export "run") (result u32) (canon lift (core func $adapter "run"))))
