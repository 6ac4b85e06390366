// The part of libwasmtime's component C API that the oracle uses. A test
// compiles it together with the library's own headers, which cannot be
// included by path; see oracle_test.go.
#ifndef WRIT_ORACLE_LIBWASMTIME_H
#define WRIT_ORACLE_LIBWASMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef WRIT_REAL_HEADERS

typedef char wasm_byte_t;
typedef struct wasm_byte_vec_t { size_t size; wasm_byte_t *data; } wasm_byte_vec_t;
typedef wasm_byte_vec_t wasm_name_t;
typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;
typedef struct wasmtime_error wasmtime_error_t;
typedef struct wasmtime_store wasmtime_store_t;
typedef struct wasmtime_context wasmtime_context_t;

typedef struct wasmtime_component_t wasmtime_component_t;
typedef struct wasmtime_component_linker_t wasmtime_component_linker_t;
typedef struct wasmtime_component_linker_instance_t wasmtime_component_linker_instance_t;
typedef struct wasmtime_component_export_index_t wasmtime_component_export_index_t;
typedef struct wasmtime_component_func_type_t wasmtime_component_func_type_t;
typedef struct wasmtime_component_resource_any wasmtime_component_resource_any_t;
typedef struct wasmtime_component_resource_host wasmtime_component_resource_host_t;
typedef struct wasmtime_component_resource_type wasmtime_component_resource_type_t;
typedef struct wasmtime_component_instance { uint64_t store_id; uint32_t __private; } wasmtime_component_instance_t;
typedef struct wasmtime_component_func {
  struct { uint64_t store_id; uint32_t __private1; };
  uint32_t __private2;
} wasmtime_component_func_t;

typedef uint8_t wasmtime_component_valkind_t;
enum {
  WASMTIME_COMPONENT_BOOL, WASMTIME_COMPONENT_S8, WASMTIME_COMPONENT_U8, WASMTIME_COMPONENT_S16,
  WASMTIME_COMPONENT_U16, WASMTIME_COMPONENT_S32, WASMTIME_COMPONENT_U32, WASMTIME_COMPONENT_S64,
  WASMTIME_COMPONENT_U64, WASMTIME_COMPONENT_F32, WASMTIME_COMPONENT_F64, WASMTIME_COMPONENT_CHAR,
  WASMTIME_COMPONENT_STRING, WASMTIME_COMPONENT_LIST, WASMTIME_COMPONENT_RECORD, WASMTIME_COMPONENT_TUPLE,
  WASMTIME_COMPONENT_VARIANT, WASMTIME_COMPONENT_ENUM, WASMTIME_COMPONENT_OPTION, WASMTIME_COMPONENT_RESULT,
  WASMTIME_COMPONENT_FLAGS, WASMTIME_COMPONENT_RESOURCE
};

struct wasmtime_component_val;
struct wasmtime_component_valrecord_entry;
typedef struct wasmtime_component_vallist { size_t size; struct wasmtime_component_val *data; } wasmtime_component_vallist_t;
typedef struct wasmtime_component_valrecord { size_t size; struct wasmtime_component_valrecord_entry *data; } wasmtime_component_valrecord_t;
typedef struct wasmtime_component_valtuple { size_t size; struct wasmtime_component_val *data; } wasmtime_component_valtuple_t;
typedef struct wasmtime_component_valflags { size_t size; wasm_name_t *data; } wasmtime_component_valflags_t;
typedef struct { wasm_name_t discriminant; struct wasmtime_component_val *val; } wasmtime_component_valvariant_t;
typedef struct { bool is_ok; struct wasmtime_component_val *val; } wasmtime_component_valresult_t;
typedef union {
  bool boolean;
  int8_t s8;
  uint8_t u8;
  int16_t s16;
  uint16_t u16;
  int32_t s32;
  uint32_t u32;
  int64_t s64;
  uint64_t u64;
  float f32;
  double f64;
  uint32_t character;
  wasm_name_t string;
  wasmtime_component_vallist_t list;
  wasmtime_component_valrecord_t record;
  wasmtime_component_valtuple_t tuple;
  wasmtime_component_valvariant_t variant;
  wasm_name_t enumeration;
  struct wasmtime_component_val *option;
  wasmtime_component_valresult_t result;
  wasmtime_component_valflags_t flags;
  wasmtime_component_resource_any_t *resource;
} wasmtime_component_valunion_t;
typedef struct wasmtime_component_val {
  wasmtime_component_valkind_t kind;
  wasmtime_component_valunion_t of;
} wasmtime_component_val_t;
typedef struct wasmtime_component_valrecord_entry {
  wasm_name_t name;
  wasmtime_component_val_t val;
} wasmtime_component_valrecord_entry_t;

typedef wasmtime_error_t *(*wasmtime_component_func_callback_t)(void *, wasmtime_context_t *,
                                                                const wasmtime_component_func_type_t *,
                                                                wasmtime_component_val_t *, size_t,
                                                                wasmtime_component_val_t *, size_t);
typedef wasmtime_error_t *(*wasmtime_component_resource_destructor_t)(void *, wasmtime_context_t *, uint32_t);

#endif // WRIT_REAL_HEADERS

#define WRIT_LAYOUT(t, size, field, at) \
  _Static_assert(sizeof(t) == (size) && offsetof(t, field) == (at), #t "." #field)
WRIT_LAYOUT(wasm_byte_vec_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_component_instance_t, 16, __private, 8);
WRIT_LAYOUT(wasmtime_component_func_t, 24, __private2, 16);
WRIT_LAYOUT(wasmtime_component_vallist_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_component_valrecord_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_component_valtuple_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_component_valflags_t, 16, data, 8);
WRIT_LAYOUT(wasmtime_component_valvariant_t, 24, val, 16);
WRIT_LAYOUT(wasmtime_component_valresult_t, 16, val, 8);
WRIT_LAYOUT(wasmtime_component_val_t, 32, of, 8);
WRIT_LAYOUT(wasmtime_component_valrecord_entry_t, 48, val, 16);
_Static_assert(WASMTIME_COMPONENT_BOOL == 0 && WASMTIME_COMPONENT_S8 == 1 && WASMTIME_COMPONENT_U8 == 2 &&
               WASMTIME_COMPONENT_S16 == 3 && WASMTIME_COMPONENT_U16 == 4 && WASMTIME_COMPONENT_S32 == 5 &&
               WASMTIME_COMPONENT_U32 == 6 && WASMTIME_COMPONENT_S64 == 7 && WASMTIME_COMPONENT_U64 == 8 &&
               WASMTIME_COMPONENT_F32 == 9 && WASMTIME_COMPONENT_F64 == 10 && WASMTIME_COMPONENT_CHAR == 11 &&
               WASMTIME_COMPONENT_STRING == 12 && WASMTIME_COMPONENT_LIST == 13 && WASMTIME_COMPONENT_RECORD == 14 &&
               WASMTIME_COMPONENT_TUPLE == 15 && WASMTIME_COMPONENT_VARIANT == 16 && WASMTIME_COMPONENT_ENUM == 17 &&
               WASMTIME_COMPONENT_OPTION == 18 && WASMTIME_COMPONENT_RESULT == 19 &&
               WASMTIME_COMPONENT_FLAGS == 20 && WASMTIME_COMPONENT_RESOURCE == 21, "value kinds");

typedef wasmtime_pooling_allocation_config_t writ_oracle_pool;
wasm_engine_t *wasm_engine_new(void);
wasm_config_t *wasm_config_new(void);
wasm_engine_t *wasm_engine_new_with_config(wasm_config_t *);
void wasm_engine_delete(wasm_engine_t *);
writ_oracle_pool *wasmtime_pooling_allocation_config_new(void);
void wasmtime_pooling_allocation_config_delete(writ_oracle_pool *);
void wasmtime_pooling_allocation_config_table_elements_set(writ_oracle_pool *, size_t);
void wasmtime_pooling_allocation_config_max_memory_size_set(writ_oracle_pool *, size_t);
void wasmtime_pooling_allocation_config_max_component_instance_size_set(writ_oracle_pool *, size_t);
void wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(writ_oracle_pool *, size_t);
void wasmtime_pooling_allocation_config_table_keep_resident_set(writ_oracle_pool *, size_t);
void wasmtime_pooling_allocation_strategy_set(wasm_config_t *, const writ_oracle_pool *);
void wasm_byte_vec_new(wasm_byte_vec_t *, size_t, wasm_byte_t const[]);
void wasm_byte_vec_delete(wasm_byte_vec_t *);
wasmtime_error_t *wasmtime_wat2wasm(const char *, size_t, wasm_byte_vec_t *);
wasmtime_store_t *wasmtime_store_new(wasm_engine_t *, void *, void (*)(void *));
wasmtime_context_t *wasmtime_store_context(wasmtime_store_t *);
void wasmtime_store_delete(wasmtime_store_t *);
void wasmtime_error_delete(wasmtime_error_t *);
void wasmtime_error_message(const wasmtime_error_t *, wasm_name_t *);

wasmtime_error_t *wasmtime_component_new(const wasm_engine_t *, const uint8_t *, size_t, wasmtime_component_t **);
void wasmtime_component_delete(wasmtime_component_t *);
wasmtime_component_export_index_t *wasmtime_component_get_export_index(const wasmtime_component_t *,
                                                                       const wasmtime_component_export_index_t *,
                                                                       const char *, size_t);
void wasmtime_component_export_index_delete(wasmtime_component_export_index_t *);
wasmtime_component_linker_t *wasmtime_component_linker_new(const wasm_engine_t *);
wasmtime_error_t *wasmtime_component_linker_define_unknown_imports_as_traps(wasmtime_component_linker_t *,
                                                                            const wasmtime_component_t *);
void wasmtime_component_linker_delete(wasmtime_component_linker_t *);
wasmtime_component_linker_instance_t *wasmtime_component_linker_root(wasmtime_component_linker_t *);
void wasmtime_component_linker_instance_delete(wasmtime_component_linker_instance_t *);
wasmtime_error_t *wasmtime_component_linker_instance_add_func(wasmtime_component_linker_instance_t *, const char *,
                                                              size_t, wasmtime_component_func_callback_t, void *,
                                                              void (*)(void *));
wasmtime_error_t *wasmtime_component_linker_instance_add_instance(wasmtime_component_linker_instance_t *, const char *,
                                                                  size_t, wasmtime_component_linker_instance_t **);
wasmtime_error_t *wasmtime_component_linker_instance_add_resource(wasmtime_component_linker_instance_t *, const char *,
                                                                  size_t, const wasmtime_component_resource_type_t *,
                                                                  wasmtime_component_resource_destructor_t, void *,
                                                                  void (*)(void *));
wasmtime_error_t *wasmtime_component_linker_instantiate(const wasmtime_component_linker_t *, wasmtime_context_t *,
                                                        const wasmtime_component_t *, wasmtime_component_instance_t *);
bool wasmtime_component_instance_get_func(const wasmtime_component_instance_t *, wasmtime_context_t *,
                                          const wasmtime_component_export_index_t *, wasmtime_component_func_t *);
wasmtime_error_t *wasmtime_component_func_call(const wasmtime_component_func_t *, wasmtime_context_t *,
                                               const wasmtime_component_val_t *, size_t, wasmtime_component_val_t *,
                                               size_t);
wasmtime_error_t *wasmtime_component_func_post_return(const wasmtime_component_func_t *, wasmtime_context_t *);

void wasmtime_component_vallist_new_uninit(wasmtime_component_vallist_t *, size_t);
void wasmtime_component_valrecord_new_uninit(wasmtime_component_valrecord_t *, size_t);
void wasmtime_component_valtuple_new_uninit(wasmtime_component_valtuple_t *, size_t);
void wasmtime_component_valflags_new_uninit(wasmtime_component_valflags_t *, size_t);
wasmtime_component_val_t *wasmtime_component_val_new(wasmtime_component_val_t *);
void wasmtime_component_val_clone(const wasmtime_component_val_t *, wasmtime_component_val_t *);
void wasmtime_component_val_delete(wasmtime_component_val_t *);
wasmtime_error_t *wasmtime_component_resource_any_drop(wasmtime_context_t *, const wasmtime_component_resource_any_t *);
wasmtime_component_resource_any_t *wasmtime_component_resource_any_clone(const wasmtime_component_resource_any_t *);
void wasmtime_component_resource_any_delete(wasmtime_component_resource_any_t *);
wasmtime_error_t *wasmtime_component_resource_any_to_host(wasmtime_context_t *, const wasmtime_component_resource_any_t *,
                                                          wasmtime_component_resource_host_t **);
wasmtime_error_t *wasmtime_component_resource_host_to_any(wasmtime_context_t *, const wasmtime_component_resource_host_t *,
                                                          wasmtime_component_resource_any_t **);
wasmtime_component_resource_host_t *wasmtime_component_resource_host_new(bool, uint32_t, uint32_t);
uint32_t wasmtime_component_resource_host_rep(const wasmtime_component_resource_host_t *);
void wasmtime_component_resource_host_delete(wasmtime_component_resource_host_t *);
wasmtime_component_resource_type_t *wasmtime_component_resource_type_new_host(uint32_t);
void wasmtime_component_resource_type_delete(wasmtime_component_resource_type_t *);

#endif
