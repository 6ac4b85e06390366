#include "fiber.h"

// An engine of its own, for one component: nothing of it is run or kept.
wasmtime_error_t *writ_component_check(const uint8_t *bytes, size_t size) {
  wasm_config_t *c = wasm_config_new();
  wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_CRANELIFT);
  wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_SPEED);
  wasmtime_config_wasm_function_references_set(c, true); // core types of components can be of these
  wasmtime_config_wasm_gc_set(c, true);
  wasm_engine_t *engine = wasm_engine_new_with_config(c);
  wasmtime_component_t *component = NULL;
  wasmtime_error_t *err = wasmtime_component_new(engine, bytes, size, &component);
  if (!err) wasmtime_component_delete(component);
  wasm_engine_delete(engine);
  return err;
}
