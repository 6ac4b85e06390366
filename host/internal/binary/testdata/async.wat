;; A component that needs the asynchronous ABI.
;; Rebuild async.wasm with: wasm-tools parse async.wat -o async.wasm
(component
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (component
    (core func (canon task.cancel)))
  (type $s (stream u8))
  (core func (canon stream.new $s))
  (core func (canon stream.read $s async (memory $memory)))
  (core func (canon stream.cancel-read $s async))
  (core func (canon waitable-set.wait (memory $memory)))
  (core func (canon context.get i32 0))
  (core func (canon task.return (result u32)))
  (type $f (func async (param "x" u32)))
  (import "f" (func $f (type $f)))
  (core func (canon lower (func $f) async (memory $memory))))
