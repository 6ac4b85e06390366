// The part of libwasmtime's C API that this package uses. The library's own
// headers live in another module and cannot be included by path, so they are
// declared here; a test compiles this file together with them, so that the two
// cannot drift. See header_test.go.
#ifndef WRIT_LIBWASMTIME_H
#define WRIT_LIBWASMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef WRIT_REAL_HEADERS

typedef char wasm_byte_t;
typedef struct wasm_byte_vec_t { size_t size; wasm_byte_t *data; } wasm_byte_vec_t;
typedef wasm_byte_vec_t wasm_name_t;

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_frame_t wasm_frame_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_externtype_t wasm_externtype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;

typedef struct wasm_frame_vec_t { size_t size; wasm_frame_t **data; } wasm_frame_vec_t;
typedef struct wasm_valtype_vec_t { size_t size; wasm_valtype_t **data; } wasm_valtype_vec_t;
typedef struct wasm_importtype_vec_t { size_t size; wasm_importtype_t **data; } wasm_importtype_vec_t;
typedef struct wasm_exporttype_vec_t { size_t size; wasm_exporttype_t **data; } wasm_exporttype_vec_t;

typedef uint8_t wasm_valkind_t;
typedef uint8_t wasm_externkind_t;
enum { WASM_I32, WASM_I64, WASM_F32, WASM_F64 };
enum { WASM_EXTERN_FUNC, WASM_EXTERN_GLOBAL, WASM_EXTERN_TABLE, WASM_EXTERN_MEMORY };

typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_module wasmtime_module_t;
typedef struct wasmtime_component_t wasmtime_component_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;
typedef struct wasmtime_linker wasmtime_linker_t;
typedef struct wasmtime_instance_pre wasmtime_instance_pre_t;
typedef struct wasmtime_caller wasmtime_caller_t;
typedef struct wasmtime_call_future wasmtime_call_future_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;
typedef struct wasmtime_val wasmtime_val_t;

typedef uint8_t wasmtime_strategy_t;
typedef uint8_t wasmtime_opt_level_t;
typedef uint8_t wasmtime_trap_code_t;
typedef uint8_t wasmtime_extern_kind_t;
enum { WASMTIME_STRATEGY_AUTO, WASMTIME_STRATEGY_CRANELIFT };
enum { WASMTIME_OPT_LEVEL_NONE, WASMTIME_OPT_LEVEL_SPEED };
enum {
  WASMTIME_TRAP_CODE_STACK_OVERFLOW,
  WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS,
  WASMTIME_TRAP_CODE_HEAP_MISALIGNED,
  WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS,
  WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL,
  WASMTIME_TRAP_CODE_BAD_SIGNATURE,
  WASMTIME_TRAP_CODE_INTEGER_OVERFLOW,
  WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO,
  WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER,
  WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED,
};
#define WASMTIME_EXTERN_FUNC 0
#define WASMTIME_EXTERN_GLOBAL 1
#define WASMTIME_EXTERN_TABLE 2
#define WASMTIME_EXTERN_MEMORY 3

typedef struct wasmtime_func { uint64_t store_id; void *__private; } wasmtime_func_t;
typedef struct wasmtime_table {
  struct { uint64_t store_id; uint32_t __private1; };
  uint32_t __private2;
} wasmtime_table_t;
typedef struct wasmtime_memory {
  struct { uint64_t store_id; uint32_t __private1; };
  uint32_t __private2;
} wasmtime_memory_t;
typedef struct wasmtime_global {
  uint64_t store_id; uint32_t __private1; uint32_t __private2; uint32_t __private3;
} wasmtime_global_t;
typedef struct wasmtime_instance { uint64_t store_id; size_t __private; } wasmtime_instance_t;
typedef union wasmtime_extern_union {
  wasmtime_func_t func;
  wasmtime_global_t global;
  wasmtime_table_t table;
  wasmtime_memory_t memory;
  struct wasmtime_sharedmemory *sharedmemory;
} wasmtime_extern_union_t;
typedef struct wasmtime_extern { wasmtime_extern_kind_t kind; wasmtime_extern_union_t of; } wasmtime_extern_t;
typedef union wasmtime_val_raw {
  int32_t i32;
  int64_t i64;
  float f32;
  double f64;
  uint8_t v128[16];
  uint32_t anyref;
  uint32_t externref;
  void *funcref;
} wasmtime_val_raw_t;

typedef wasm_trap_t *(*wasmtime_func_unchecked_callback_t)(void *, wasmtime_caller_t *, wasmtime_val_raw_t *, size_t);
typedef bool (*wasmtime_func_async_continuation_callback_t)(void *);
typedef struct wasmtime_async_continuation_t {
  wasmtime_func_async_continuation_callback_t callback;
  void *env;
  void (*finalizer)(void *);
} wasmtime_async_continuation_t;
typedef void (*wasmtime_func_async_callback_t)(void *, wasmtime_caller_t *, const wasmtime_val_t *, size_t,
                                               wasmtime_val_t *, size_t, wasm_trap_t **,
                                               wasmtime_async_continuation_t *);

#endif // WRIT_REAL_HEADERS

// Layouts and constants: checked against our declarations in every build, and
// against the real ones by the test.
#define WRIT_LAYOUT(t, size, field, at) \
  _Static_assert(sizeof(t) == (size) && offsetof(t, field) == (at), #t "." #field)
WRIT_LAYOUT(wasm_byte_vec_t, 16, data, 8);
WRIT_LAYOUT(wasm_frame_vec_t, 16, data, 8);
WRIT_LAYOUT(wasm_valtype_vec_t, 16, data, 8);
WRIT_LAYOUT(wasm_importtype_vec_t, 16, data, 8);
WRIT_LAYOUT(wasm_exporttype_vec_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_func_t, 16, __private, 8);
WRIT_LAYOUT(wasmtime_table_t, 24, __private2, 16);
WRIT_LAYOUT(wasmtime_memory_t, 24, __private2, 16);
WRIT_LAYOUT(wasmtime_global_t, 24, __private3, 16);
WRIT_LAYOUT(wasmtime_instance_t, 16, __private, 8);
WRIT_LAYOUT(wasmtime_extern_t, 32, of, 8);
WRIT_LAYOUT(wasmtime_val_raw_t, 16, i64, 0);
WRIT_LAYOUT(wasmtime_async_continuation_t, 24, callback, 0);
WRIT_LAYOUT(wasmtime_async_continuation_t, 24, env, 8);
WRIT_LAYOUT(wasmtime_async_continuation_t, 24, finalizer, 16);
_Static_assert(WASM_I32 == 0 && WASM_I64 == 1 && WASM_F32 == 2 && WASM_F64 == 3, "value kinds");
_Static_assert(WASM_EXTERN_FUNC == 0 && WASM_EXTERN_GLOBAL == 1 && WASM_EXTERN_TABLE == 2 &&
               WASM_EXTERN_MEMORY == 3, "extern kinds of types");
_Static_assert(WASMTIME_EXTERN_FUNC == 0 && WASMTIME_EXTERN_GLOBAL == 1 && WASMTIME_EXTERN_TABLE == 2 &&
               WASMTIME_EXTERN_MEMORY == 3, "extern kinds");
_Static_assert(WASMTIME_STRATEGY_CRANELIFT == 1 && WASMTIME_OPT_LEVEL_SPEED == 1, "settings");
_Static_assert(WASMTIME_TRAP_CODE_STACK_OVERFLOW == 0 && WASMTIME_TRAP_CODE_MEMORY_OUT_OF_BOUNDS == 1 &&
               WASMTIME_TRAP_CODE_HEAP_MISALIGNED == 2 && WASMTIME_TRAP_CODE_TABLE_OUT_OF_BOUNDS == 3 &&
               WASMTIME_TRAP_CODE_INDIRECT_CALL_TO_NULL == 4 && WASMTIME_TRAP_CODE_BAD_SIGNATURE == 5 &&
               WASMTIME_TRAP_CODE_INTEGER_OVERFLOW == 6 && WASMTIME_TRAP_CODE_INTEGER_DIVISION_BY_ZERO == 7 &&
               WASMTIME_TRAP_CODE_BAD_CONVERSION_TO_INTEGER == 8 &&
               WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED == 9, "trap codes");

// Configuration.
wasm_config_t *wasm_config_new(void);
void wasm_config_delete(wasm_config_t *);
void wasmtime_config_async_support_set(wasm_config_t *, bool);
void wasmtime_config_async_stack_size_set(wasm_config_t *, uint64_t);
void wasmtime_config_epoch_interruption_set(wasm_config_t *, bool);
void wasmtime_config_strategy_set(wasm_config_t *, wasmtime_strategy_t);
void wasmtime_config_cranelift_opt_level_set(wasm_config_t *, wasmtime_opt_level_t);
void wasmtime_config_cranelift_nan_canonicalization_set(wasm_config_t *, bool);
void wasmtime_config_cranelift_flag_set(wasm_config_t *, const char *, const char *);
void wasmtime_config_signals_based_traps_set(wasm_config_t *, bool);
void wasmtime_config_memory_reservation_set(wasm_config_t *, uint64_t);
void wasmtime_config_memory_guard_size_set(wasm_config_t *, uint64_t);
void wasmtime_config_memory_may_move_set(wasm_config_t *, bool);
void wasmtime_config_memory_init_cow_set(wasm_config_t *, bool);
void wasmtime_config_max_wasm_stack_set(wasm_config_t *, size_t);
void wasmtime_config_wasm_memory64_set(wasm_config_t *, bool);
void wasmtime_config_wasm_threads_set(wasm_config_t *, bool);
void wasmtime_config_wasm_gc_set(wasm_config_t *, bool);
void wasmtime_config_wasm_function_references_set(wasm_config_t *, bool);
void wasmtime_config_wasm_exceptions_set(wasm_config_t *, bool);
void wasmtime_config_wasm_stack_switching_set(wasm_config_t *, bool);
void wasmtime_config_wasm_custom_page_sizes_set(wasm_config_t *, bool);
void wasmtime_config_wasm_wide_arithmetic_set(wasm_config_t *, bool);
void wasmtime_config_wasm_relaxed_simd_set(wasm_config_t *, bool);

typedef wasmtime_pooling_allocation_config_t writ_pool_config;
writ_pool_config *wasmtime_pooling_allocation_config_new();
void wasmtime_pooling_allocation_config_delete(writ_pool_config *);
void wasmtime_pooling_allocation_config_max_memory_size_set(writ_pool_config *, size_t);
void wasmtime_pooling_allocation_config_table_elements_set(writ_pool_config *, size_t);
void wasmtime_pooling_allocation_config_max_memories_per_module_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_max_tables_per_module_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_total_core_instances_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_total_memories_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_total_tables_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_total_stacks_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_total_gc_heaps_set(writ_pool_config *, uint32_t);
void wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(writ_pool_config *, size_t);
void wasmtime_pooling_allocation_config_table_keep_resident_set(writ_pool_config *, size_t);
void wasmtime_pooling_allocation_strategy_set(wasm_config_t *, const writ_pool_config *);

// Engine and modules.
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
void wasm_engine_delete(wasm_engine_t *);
void wasmtime_engine_increment_epoch(wasm_engine_t *);
wasmtime_error_t *wasmtime_module_new(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
wasmtime_error_t *wasmtime_module_validate(wasm_engine_t *, const uint8_t *, size_t);
wasmtime_error_t *wasmtime_module_serialize(wasmtime_module_t *, wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_module_deserialize(wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **);
wasmtime_module_t *wasmtime_module_clone(wasmtime_module_t *);
void wasmtime_module_delete(wasmtime_module_t *);
void wasmtime_module_imports(const wasmtime_module_t *, wasm_importtype_vec_t *);
void wasmtime_module_exports(const wasmtime_module_t *, wasm_exporttype_vec_t *);
wasmtime_error_t *wasmtime_component_new(const wasm_engine_t *, const uint8_t *, size_t, wasmtime_component_t **);
void wasmtime_component_delete(wasmtime_component_t *);
wasmtime_error_t *wasmtime_wat2wasm(const char *, size_t, wasm_byte_vec_t *);

// Types.
wasm_valtype_t *wasm_valtype_new(wasm_valkind_t);
wasm_valkind_t wasm_valtype_kind(const wasm_valtype_t *);
wasm_functype_t *wasm_functype_new(wasm_valtype_vec_t *, wasm_valtype_vec_t *);
void wasm_functype_delete(wasm_functype_t *);
const wasm_valtype_vec_t *wasm_functype_params(const wasm_functype_t *);
const wasm_valtype_vec_t *wasm_functype_results(const wasm_functype_t *);
wasm_externkind_t wasm_externtype_kind(const wasm_externtype_t *);
const wasm_functype_t *wasm_externtype_as_functype_const(const wasm_externtype_t *);
const wasm_name_t *wasm_importtype_module(const wasm_importtype_t *);
const wasm_name_t *wasm_importtype_name(const wasm_importtype_t *);
const wasm_externtype_t *wasm_importtype_type(const wasm_importtype_t *);
const wasm_name_t *wasm_exporttype_name(const wasm_exporttype_t *);
const wasm_externtype_t *wasm_exporttype_type(const wasm_exporttype_t *);
void wasm_byte_vec_delete(wasm_byte_vec_t *);
void wasm_frame_vec_delete(wasm_frame_vec_t *);
void wasm_valtype_vec_new_uninitialized(wasm_valtype_vec_t *, size_t);
void wasm_importtype_vec_delete(wasm_importtype_vec_t *);
void wasm_exporttype_vec_delete(wasm_exporttype_vec_t *);

// Linking and instantiation.
wasmtime_linker_t *wasmtime_linker_new(wasm_engine_t *);
void wasmtime_linker_delete(wasmtime_linker_t *);
void wasmtime_linker_allow_shadowing(wasmtime_linker_t *, bool);
wasmtime_error_t *wasmtime_linker_define(wasmtime_linker_t *, wasmtime_context_t *, const char *, size_t,
                                         const char *, size_t, const wasmtime_extern_t *);
wasmtime_error_t *wasmtime_linker_define_func_unchecked(wasmtime_linker_t *, const char *, size_t, const char *,
                                                        size_t, const wasm_functype_t *,
                                                        wasmtime_func_unchecked_callback_t, void *, void (*)(void *));
wasmtime_error_t *wasmtime_linker_define_async_func(wasmtime_linker_t *, const char *, size_t, const char *, size_t,
                                                    const wasm_functype_t *, wasmtime_func_async_callback_t, void *,
                                                    void (*)(void *));
bool wasmtime_linker_get(const wasmtime_linker_t *, wasmtime_context_t *, const char *, size_t, const char *, size_t,
                         wasmtime_extern_t *);
wasmtime_error_t *wasmtime_linker_instantiate_pre(const wasmtime_linker_t *, const wasmtime_module_t *,
                                                  wasmtime_instance_pre_t **);
void wasmtime_instance_pre_delete(wasmtime_instance_pre_t *);
wasmtime_call_future_t *wasmtime_linker_instantiate_async(const wasmtime_linker_t *, wasmtime_context_t *,
                                                          const wasmtime_module_t *, wasmtime_instance_t *,
                                                          wasm_trap_t **, wasmtime_error_t **);
wasmtime_call_future_t *wasmtime_instance_pre_instantiate_async(const wasmtime_instance_pre_t *, wasmtime_context_t *,
                                                                wasmtime_instance_t *, wasm_trap_t **,
                                                                wasmtime_error_t **);
bool wasmtime_instance_export_get(wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t,
                                  wasmtime_extern_t *);

// Stores and calls.
wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
void wasmtime_store_limiter(wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t);
void wasmtime_store_delete(wasmtime_store_t *);
void *wasmtime_context_get_data(const wasmtime_context_t *);
void wasmtime_context_set_epoch_deadline(wasmtime_context_t *, uint64_t);
// Declared to return an error, but returns garbage: never look at it.
wasmtime_error_t *wasmtime_context_epoch_deadline_async_yield_and_update(wasmtime_context_t *, uint64_t);
wasmtime_context_t *wasmtime_caller_context(wasmtime_caller_t *);
wasmtime_error_t *wasmtime_func_call_unchecked(wasmtime_context_t *, const wasmtime_func_t *, wasmtime_val_raw_t *,
                                               size_t, wasm_trap_t **);
wasmtime_call_future_t *wasmtime_func_call_async(wasmtime_context_t *, const wasmtime_func_t *,
                                                 const wasmtime_val_t *, size_t, wasmtime_val_t *, size_t,
                                                 wasm_trap_t **, wasmtime_error_t **);
bool wasmtime_call_future_poll(wasmtime_call_future_t *);
void wasmtime_call_future_delete(wasmtime_call_future_t *);
uint8_t *wasmtime_memory_data(const wasmtime_context_t *, const wasmtime_memory_t *);
size_t wasmtime_memory_data_size(const wasmtime_context_t *, const wasmtime_memory_t *);

// Failures.
wasm_trap_t *wasmtime_trap_new(const char *, size_t);
bool wasmtime_trap_code(const wasm_trap_t *, wasmtime_trap_code_t *);
void wasm_trap_delete(wasm_trap_t *);
void wasm_trap_message(const wasm_trap_t *, wasm_byte_vec_t *);
void wasm_trap_trace(const wasm_trap_t *, wasm_frame_vec_t *);
void wasmtime_error_delete(wasmtime_error_t *);
void wasmtime_error_message(const wasmtime_error_t *, wasm_name_t *);
void wasmtime_error_wasm_trace(const wasmtime_error_t *, wasm_frame_vec_t *);
uint32_t wasm_frame_func_index(const wasm_frame_t *);
size_t wasm_frame_module_offset(const wasm_frame_t *);
const wasm_name_t *wasmtime_frame_func_name(const wasm_frame_t *);
const wasm_name_t *wasmtime_frame_module_name(const wasm_frame_t *);

#endif
