;; Each instantiation of a component makes a resource type of its own; a type
;; that an import takes over from another import stays the same one.
(component
  (import "t:io/streams@0.2.0" (instance $streams
    (export "stream" (type (sub resource)))
    (type $p (record (field "a" u32) (field "b" string)))
    (export "pair" (type (eq $p)))))
  (alias export $streams "stream" (type $stream))
  (import "t:http/types@0.2.0" (instance
    (alias outer 1 $stream (type $s))
    (export "body" (type (eq $s)))
    (export "other" (type (sub resource)))
    (export "open" (func (param "b" (own $s)) (result (own 2))))))
  (component $counter
    (core module $m
      (func (export "dtor") (param i32))
      (func (export "new") (param i32) (result i32) local.get 0))
    (core instance $m (instantiate $m))
    (type $r (resource (rep i32) (dtor (core func $m "dtor"))))
    (export $counter "counter" (type $r))
    (core func $new (canon resource.new $r))
    (core module $user (import "" "new" (func (param i32) (result i32))) (func (export "make") (result i32) i32.const 0))
    (core instance $imports (export "new" (func $new)))
    (core instance $u (instantiate $user (with "" (instance $imports))))
    (func (export "make") (result (own $counter)) (canon lift (core func $u "make"))))
  (instance $a (instantiate $counter))
  (instance $b (instantiate $counter))
  (export "t:t/a@1.0.0" (instance $a))
  (export "t:t/b@1.0.0" (instance $b))
)
