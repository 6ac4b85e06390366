;; Definitions of the asynchronous ABI that nothing uses do no harm.
(component
  (type $s (stream u8))
  (type $e (record (field "a" error-context)))
  (type $f (func async (param "x" $s)))
  (core func (canon task.cancel))
  (core func (canon stream.new $s))
  (core module $m (func (export "f") (result i32) i32.const 0) (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func async (canon lift (core func $i "f") async (callback (core func $i "cb"))))
  (component (import "f" (func (type $f)))))
