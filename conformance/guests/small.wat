;; The smallest component that has a bit of everything: a type of its own, a
;; core module with a data segment and a loop, a lifted function with a string,
;; and an instance. Tests damage it byte by byte.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 16) "hello")
    (func (export "greet") (param $times i32) (result i32)
      (local $at i32)
      (local.set $at (i32.const 16))
      (loop $again
        (local.set $at (i32.add (local.get $at) (i32.const 5)))
        (memory.copy (local.get $at) (i32.const 16) (i32.const 5))
        (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.sub (local.get $at) (i32.const 16)))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (type $loudness (enum "soft" "loud"))
  (func $greet (param "times" u32) (result string)
    (canon lift (core func $i "greet") (memory (core memory $i "memory"))))
  (component $api
    (import "f" (func $f (param "times" u32) (result string)))
    (export "greet" (func $f)))
  (instance $greetings (instantiate $api (with "f" (func $greet))))
  (export "test:small/greetings@1.0.0" (instance $greetings)))
