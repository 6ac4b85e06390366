;; A component that uses what a linker offers: functions over strings and
;; bytes, and a resource of the host.
(component
  (import "test:host/api@1.2.0" (instance $api
    (export "thing" (type $thing (sub resource)))
    (export "[constructor]thing" (func (param "name" string) (result (own $thing))))
    (export "[method]thing.name" (func (param "self" (borrow $thing)) (result string)))
    (export "reverse" (func (param "bytes" (list u8)) (result (list u8))))
    (export "tick" (func))))
  (alias export $api "thing" (type $thing))

  (core module $libc
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $p) (local.get $size)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ne (i32.const -1)
          (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))))
        unreachable)
      (local.get $p))
    (func (export "reset") (param i32) (global.set $next (i32.const 1024))))
  (core instance $libc (instantiate $libc))

  (core func $new (canon lower (func $api "[constructor]thing") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $name (canon lower (func $api "[method]thing.name") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $reverse (canon lower (func $api "reverse") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $tick (canon lower (func $api "tick")))
  (core func $drop (canon resource.drop $thing))

  (core module $main
    (import "libc" "memory" (memory 1))
    (import "api" "new" (func $new (param i32 i32) (result i32)))
    (import "api" "name" (func $name (param i32 i32)))
    (import "api" "reverse" (func $reverse (param i32 i32 i32)))
    (import "api" "tick" (func $tick))
    (import "api" "drop" (func $drop (param i32)))
    ;; Makes a thing of the name, asks it for its name, and drops it.
    (func (export "round-trip") (param $p i32) (param $n i32) (result i32)
      (local $h i32)
      (local.set $h (call $new (local.get $p) (local.get $n)))
      (call $name (local.get $h) (i32.const 8))
      (call $drop (local.get $h))
      (i32.const 8))
    (func (export "keep") (param $p i32) (param $n i32)
      (drop (call $new (local.get $p) (local.get $n))))
    (func (export "reverse") (param $p i32) (param $n i32) (result i32)
      (call $reverse (local.get $p) (local.get $n) (i32.const 8))
      (i32.const 8))
    (func (export "ticks") (param $n i32)
      (loop $again
        (call $tick)
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "forge") (call $drop (i32.const 77)))
    (func $spin (export "spin") (loop $again (br $again)))
    (func (export "crash") unreachable))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "api" (instance
      (export "new" (func $new)) (export "name" (func $name)) (export "reverse" (func $reverse))
      (export "tick" (func $tick)) (export "drop" (func $drop))))))

  (func (export "round-trip") (param "name" string) (result string)
    (canon lift (core func $main "round-trip") (memory $libc "memory") (realloc (func $libc "realloc"))
      (post-return (func $libc "reset"))))
  (func (export "keep") (param "name" string)
    (canon lift (core func $main "keep") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (func (export "reverse") (param "bytes" (list u8)) (result (list u8))
    (canon lift (core func $main "reverse") (memory $libc "memory") (realloc (func $libc "realloc"))
      (post-return (func $libc "reset"))))
  (func (export "ticks") (param "count" u32) (canon lift (core func $main "ticks")))
  (func (export "forge") (canon lift (core func $main "forge")))
  (func (export "spin") (canon lift (core func $main "spin")))
  (func (export "crash") (canon lift (core func $main "crash"))))
