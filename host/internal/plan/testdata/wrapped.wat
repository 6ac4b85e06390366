;; A host function that is lifted without core code around it, and one that is a
;; destructor: the plan makes up a module that exports them.
(component
  (import "half" (func $half (param "n" u32) (result u32)))
  (import "gone" (func $gone (param "rep" u32)))
  (core func $half (canon lower (func $half)))
  (core func $gone (canon lower (func $gone)))
  (type $r (resource (rep i32) (dtor (core func $gone))))
  (export "thing" (type $r))
  (func (export "quarter") (param "n" u32) (result u32) (canon lift (core func $half)))
  (func (export "again") (param "n" u32) (result u32) (canon lift (core func $half)))
)
