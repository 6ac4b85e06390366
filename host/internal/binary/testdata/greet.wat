;; A small component of the shape that wit-component makes: a main module, a
;; "shim" module whose functions forward through a table, and a "fixup" module
;; that fills the table. Rebuild greet.wasm with: wasm-tools parse greet.wat -o greet.wasm
(component $greeter
  (type $clock-type (instance
    (export "instant" (type $i (sub resource)))
    (type $pair (record (field "seconds" u64) (field "label" string)))
    (export "pair" (type $p (eq $pair)))
    (export "[method]instant.read" (func (param "self" (borrow $i)) (result $p)))
    (export "now" (func (result (own $i))))))
  (import "example:clock/clock@1.2.0" (instance $clock (type $clock-type)))
  (alias export $clock "instant" (type $instant))

  (core module $main
    (import "clock" "now" (func $now (result i32)))
    (import "clock" "read" (func $read (param i32 i32)))
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $p) (local.get 3)))
      (local.get $p))
    (func (export "greet") (param i32 i32) (result i32)
      (call $read (call $now) (i32.const 16))
      (i32.store (i32.const 0) (local.get 0))
      (i32.store (i32.const 4) (local.get 1))
      (i32.const 0))
    (func (export "done") (param i32))
    (data (i32.const 512) "hello"))

  (core module $shim
    (type $t (func (param i32 i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (type $t)
      (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))

  (core module $fixup
    (import "" "0" (func (param i32 i32)))
    (import "" "$imports" (table 1 1 funcref))
    (elem (i32.const 0) func 0))

  (core instance $shim-instance (instantiate $shim))
  (alias core export $shim-instance "0" (core func $read-shim))
  (alias export $clock "now" (func $now))
  (core func $now-lowered (canon lower (func $now)))
  (core instance $clock-core
    (export "now" (func $now-lowered))
    (export "read" (func $read-shim)))
  (core instance $m (instantiate $main (with "clock" (instance $clock-core))))
  (alias core export $m "memory" (core memory $memory))
  (alias core export $m "realloc" (core func $realloc))
  (alias core export $shim-instance "$imports" (core table $table))
  (alias export $clock "[method]instant.read" (func $read))
  (core func $read-lowered (canon lower (func $read) (memory $memory) (realloc $realloc)))
  (core instance $fixup-args
    (export "$imports" (table $table))
    (export "0" (func $read-lowered)))
  (core instance (instantiate $fixup (with "" (instance $fixup-args))))

  (type $greet-type (func (param "name" string) (result string)))
  (alias core export $m "greet" (core func $greet-core))
  (alias core export $m "done" (core func $done-core))
  (func $greet (type $greet-type)
    (canon lift (core func $greet-core) (memory $memory) (realloc $realloc) (post-return $done-core)))

  (component $inner
    (import "f" (func $f (param "name" string) (result string)))
    (type $t (func (param "name" string) (result string)))
    (export "greet" (func $f) (func (type $t))))
  (instance $api (instantiate $inner (with "f" (func $greet))))
  (export "example:greet/greeter" (instance $api))

  (type $thing (resource (rep i32)))
  (export $thing-out "thing" (type $thing))
  (core func $new (canon resource.new $thing))
  (func $make (param "n" u32) (result (own $thing-out)) (canon lift (core func $new)))
  (export "[constructor]thing" (func $make))
  (@producers (processed-by "hand" "1.0")))
