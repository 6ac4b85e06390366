#include "fiber.h"

static writ_pool_config *pool(uint64_t max_memory, size_t table_elements, uint32_t tables, uint32_t memories,
                              uint32_t instances, size_t keep_resident) {
  writ_pool_config *p = wasmtime_pooling_allocation_config_new();
  wasmtime_pooling_allocation_config_max_memory_size_set(p, max_memory);
  wasmtime_pooling_allocation_config_table_elements_set(p, table_elements);
  wasmtime_pooling_allocation_config_max_memories_per_module_set(p, memories);
  wasmtime_pooling_allocation_config_max_tables_per_module_set(p, tables);
  wasmtime_pooling_allocation_config_total_core_instances_set(p, instances);
  wasmtime_pooling_allocation_config_total_memories_set(p, instances);
  wasmtime_pooling_allocation_config_total_tables_set(p, instances * tables);
  wasmtime_pooling_allocation_config_total_stacks_set(p, instances);
  wasmtime_pooling_allocation_config_total_gc_heaps_set(p, 0);
  wasmtime_pooling_allocation_config_table_keep_resident_set(p, keep_resident);
  return p;
}

// Threads, memory64 and relaxed SIMD are on by default; the rest is named so
// that a later library cannot turn it on. NaNs stay as the processor makes them.
static void features(wasm_config_t *c) {
  wasmtime_config_wasm_memory64_set(c, false);
  wasmtime_config_wasm_threads_set(c, false);
  wasmtime_config_wasm_gc_set(c, false);
  wasmtime_config_wasm_function_references_set(c, false);
  wasmtime_config_wasm_exceptions_set(c, false);
  wasmtime_config_wasm_stack_switching_set(c, false);
  wasmtime_config_wasm_custom_page_sizes_set(c, false);
  wasmtime_config_wasm_wide_arithmetic_set(c, false);
  wasmtime_config_wasm_relaxed_simd_set(c, false);
}

// Signals on and a guard behind every memory are what three advisories against
// this library's version rest on, and the Spectre mitigations with them.
static void memory_safety(wasm_config_t *c) {
  wasmtime_config_signals_based_traps_set(c, true);
  wasmtime_config_cranelift_flag_set(c, "enable_heap_access_spectre_mitigation", "true");
  wasmtime_config_cranelift_flag_set(c, "enable_table_access_spectre_mitigation", "true");
  wasmtime_config_memory_reservation_set(c, (uint64_t)1 << 32);
  wasmtime_config_memory_guard_size_set(c, 32 << 20);
  wasmtime_config_memory_may_move_set(c, false);
  wasmtime_config_memory_init_cow_set(c, true);
}

wasm_engine_t *writ_engine_new(uint64_t max_memory, size_t table_elements, uint32_t tables, uint32_t memories,
                               uint32_t instances, size_t keep_resident, size_t stack) {
  wasm_config_t *c = wasm_config_new();
  wasmtime_config_async_support_set(c, true);
  wasmtime_config_async_stack_size_set(c, WRIT_FIBER_STACK);
  wasmtime_config_max_wasm_stack_set(c, stack);
  wasmtime_config_epoch_interruption_set(c, true);
  wasmtime_config_strategy_set(c, WASMTIME_STRATEGY_CRANELIFT);
  wasmtime_config_cranelift_opt_level_set(c, WASMTIME_OPT_LEVEL_SPEED);
  wasmtime_config_cranelift_nan_canonicalization_set(c, false);
  features(c);
  memory_safety(c);
  writ_pool_config *p = pool(max_memory, table_elements, tables, memories, instances, keep_resident);
  wasmtime_pooling_allocation_strategy_set(c, p);
  wasmtime_pooling_allocation_config_delete(p);
  return wasm_engine_new_with_config(c);
}
